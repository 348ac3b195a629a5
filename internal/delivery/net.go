package delivery

import (
	"fmt"
	"reflect"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/rows"
	"github.com/gorm-signals/signals/internal/txn"
)

// netRows folds the writes of a transaction into one event per row.
type netRows struct {
	byKey map[netKey]*netRow
	last  map[*Deferred][]*netRow // for each send, the rows whose last write it was

	batches []*dispatch.Entry // batch receivers that get net events, in the order of their first event
	batch   map[*dispatch.Entry][]change.Row
	frame   dispatch.Frame // frame of their calls
}

// netKey identifies a row.
type netKey struct {
	model reflect.Type
	table string
	key   string
}

// netRow is the first state and the last write of one row.
type netRow struct {
	first  any        // the row before its first write; nil if that created it
	hidden bool       // it was soft-deleted then
	last   change.Row // its last write
	send   *Deferred
}

// fold goes through the sends of a transaction in order.
func fold(actions []txn.Item[any]) *netRows {
	n := &netRows{byKey: map[netKey]*netRow{}, last: map[*Deferred][]*netRow{}}
	var order []*netRow
	for _, it := range actions {
		d, ok := it.Action.(*Deferred)
		if !ok || d.lost() || !d.frame.Plan.Net {
			continue
		}
		for i := range d.rows {
			r := d.rows[i]
			k := keyOfRow(d, r, len(order))
			known := n.byKey[k]
			if known == nil {
				known = &netRow{}
				known.begin(d, r)
				n.byKey[k] = known
				order = append(order, known)
			}
			known.last, known.send = r, d
		}
	}
	for _, known := range order {
		n.last[known.send] = append(n.last[known.send], known)
	}
	return n
}

// keyOfRow returns the key of a row. number makes rows without a primary key different from each other.
func keyOfRow(d *Deferred, r change.Row, number int) netKey {
	k := netKey{model: d.facts.Model.Schema.ModelType, table: d.facts.Table}
	if key, _ := d.facts.Model.KeyOf(&d.frame, r.Value()); len(key) > 0 {
		k.key = rows.Identity(key)
	} else {
		k.key = fmt.Sprint("number ", number)
	}
	return k
}

// begin notes the row as it was before its first write.
func (n *netRow) begin(d *Deferred, r change.Row) {
	switch {
	case d.deletes():
		n.first = r.Instance
	case !r.Created:
		n.first, n.hidden = r.Original, r.WasHidden(&d.frame)
	}
}

// event returns the change of the row by the whole transaction, nil if there is none.
func (n *netRow) event(d *Deferred) (dispatch.Kind, *change.Row) {
	gone := d.deletes()
	if gone && (n.first == nil || (n.hidden && d.facts.Soft)) {
		return 0, nil
	}
	whole := &change.Facts{
		Model: d.facts.Model, DB: d.facts.DB, Table: d.facts.Table, Strategy: change.EveryColumn{}, Soft: d.facts.Soft,
		Seen: change.Seen{Loaded: true, Stored: true},
	}
	if gone {
		whole.Result = change.Deleted
		return d.kind(dispatch.PostDelete), &change.Row{Facts: whole, Instance: n.first}
	}
	r := &change.Row{Facts: whole, Instance: n.last.Instance, Original: n.first, Now: n.last.Now, Created: n.first == nil}
	if !r.Created && !r.Changed(&d.frame, nil) {
		return 0, nil
	}
	return d.kind(dispatch.PostSave), r
}

// deletes reports whether the send is about deleted rows.
func (d *Deferred) deletes() bool {
	return d.frame.Kind == dispatch.PostDelete || d.facts.Result == change.Deleted
}

// kind returns the signal of a net event. A PostChange that the program sends by hand concerns no receivers of other signals.
func (d *Deferred) kind(of dispatch.Kind) dispatch.Kind {
	if d.frame.Kind == dispatch.PostChange {
		return dispatch.PostChange
	}
	return of
}

// deliver sends the net events of the rows whose last write was this send.
func (n *netRows) deliver(to delivery, d *Deferred) {
	last := n.last[d]
	every(0, len(last), func(i int) {
		k, net := last[i].event(d)
		if net == nil {
			return
		}
		f := d.frame
		f.Kind = k
		entries := d.frame.Plan.Deferred[k]
		every(0, len(entries), func(j int) {
			switch e := entries[j]; {
			case e.Phase != dispatch.AfterCommit || !e.Net || !to.takes(e):
			case e.Batch == nil:
				to.send(e, &f, []change.Row{*net})
			default:
				n.collect(e, f, *net)
			}
		})
	})
}

func (n *netRows) collect(e *dispatch.Entry, f dispatch.Frame, net change.Row) {
	if n.batch == nil {
		n.batch = map[*dispatch.Entry][]change.Row{}
	}
	if _, known := n.batch[e]; !known {
		n.batches = append(n.batches, e)
	}
	n.batch[e], n.frame = append(n.batch[e], net), f
}

// deliverBatches calls every batch receiver once, with all its net events of the transaction.
func (n *netRows) deliverBatches(to delivery) {
	every(0, len(n.batches), func(i int) {
		e := n.batches[i]
		f := n.frame
		f.Kind = e.Kind
		to.send(e, &f, n.batch[e])
	})
}
