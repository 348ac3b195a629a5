package signals

import (
	"fmt"
	"reflect"

	"github.com/gorm-signals/signals/internal/rows"
	"github.com/gorm-signals/signals/internal/txn"
)

// netRows folds the writes of a transaction into one event per row.
type netRows struct {
	byKey map[netKey]*netRow
	last  map[*deferred][]*netRow // the rows whose last write a send is

	batches []*entry // batch receivers that have rows to hear of, in the order of their first one
	batch   map[*entry][]row
	frame   frame // what they get
}

// netKey tells rows apart.
type netKey struct {
	model reflect.Type
	table string
	key   string
}

// netRow is what became of one row.
type netRow struct {
	first    any  // the row before its first write; nil when it was created
	restored bool // the first write made a soft-deleted row live again
	last     row  // its last write
	send     *deferred
}

// fold goes through the sends of a transaction in order.
func fold(actions []txn.Item[any]) *netRows {
	n := &netRows{byKey: map[netKey]*netRow{}, last: map[*deferred][]*netRow{}}
	var order []*netRow
	for _, it := range actions {
		d, ok := it.Action.(*deferred)
		if !ok || !d.frame.plan.net {
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

// keyOfRow tells which row of which table it is. Rows without a primary key are all different.
func keyOfRow(d *deferred, r row, number int) netKey {
	k := netKey{model: d.facts.model.Schema.ModelType, table: d.facts.table}
	if key, _ := d.facts.model.KeyOf(&d.frame, r.value()); len(key) > 0 {
		k.key = rows.Identity(key)
	} else {
		k.key = fmt.Sprint("number ", number)
	}
	return k
}

// begin notes what the row was before its first write.
func (n *netRow) begin(d *deferred, r row) {
	switch {
	case d.kind == postDelete:
		n.first = r.instance
	case !r.created:
		n.first, n.restored = r.original, r.restored(&d.frame)
	}
}

// event returns what the transaction did to the row as a whole, nil when that is nothing.
func (n *netRow) event(d *deferred) (kind, *row) {
	gone := n.send.kind == postDelete
	if gone && (n.first == nil || (n.restored && d.facts.soft)) {
		return 0, nil
	}
	whole := &facts{
		model: d.facts.model, db: d.facts.db, table: d.facts.table, strategy: everyColumn{}, soft: d.facts.soft, loaded: true, stored: true,
	}
	if gone {
		return postDelete, &row{facts: whole, instance: n.first}
	}
	r := &row{facts: whole, instance: n.last.instance, original: n.first, now: n.last.now, created: n.first == nil}
	if !r.created && !r.changed(&d.frame, nil) {
		return 0, nil
	}
	return postSave, r
}

// deliver sends the net events of the rows whose last write a send was.
func (n *netRows) deliver(to delivery, d *deferred) {
	last := n.last[d]
	every(0, len(last), func(i int) {
		k, net := last[i].event(d)
		if net == nil {
			return
		}
		f := d.frame
		f.kind = k
		entries := d.frame.plan.deferred[k]
		every(0, len(entries), func(j int) {
			switch e := entries[j]; {
			case e.phase != afterCommit || !e.net:
			case e.batch == nil:
				to.send(e, &f, []row{*net})
			default:
				n.keep(e, f, *net)
			}
		})
	})
}

func (n *netRows) keep(e *entry, f frame, net row) {
	if n.batch == nil {
		n.batch = map[*entry][]row{}
	}
	if _, known := n.batch[e]; !known {
		n.batches = append(n.batches, e)
	}
	n.batch[e], n.frame = append(n.batch[e], net), f
}

// deliverBatches calls every batch receiver once, with all net events of the transaction.
func (n *netRows) deliverBatches(to delivery) {
	every(0, len(n.batches), func(i int) {
		e := n.batches[i]
		f := n.frame
		f.kind = e.kind
		to.send(e, &f, n.batch[e])
	})
}
