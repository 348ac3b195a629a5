package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/gorm-signals/signals"
	"gorm.io/gorm"
)

// Publication says how PublishSignal publishes the events of a custom signal. Its zero value works. Its functions get the event as read back from
// JSON: fields that [encoding/json] leaves out are zero. They run in the transaction of the send.
type Publication[E any] struct {
	// Type returns the type of an event, such as "orders.placed"; Config.TypePrefix and the version are added. nil means the name of the signal.
	Type func(E) string

	// Subject returns the subject of an event, such as "orders/7". Relays keep the order of events with the same subject. nil means the name of the
	// signal with the key that the event's method Key() any returns. Without this method each event has a subject of its own.
	Subject func(E) string

	// Payload returns the data of an event, which is written as JSON. nil means the event itself.
	Payload func(E) any

	// Version is the version of the payload; 0 means 1.
	Version int
}

// PublishSignal writes an event into the outbox for every event of a custom signal, in the transaction of the send. Send the signal with SendIn, or
// with the context of a receiver of a write: any other Send fails. An event with an empty type or subject fails the send. A [Relay] sends the events
// to an engine.
//
// stop ends the publishing. A second call for the same signal and outbox replaces the first publication. PublishSignal panics if an argument is not
// valid or E cannot be written as JSON; the text names the cure.
func PublishSignal[E any](ob *Outbox, s *signals.Signal[E], p Publication[E]) (stop func()) {
	switch {
	case ob == nil:
		panic("outbox: PublishSignal: the outbox is nil: make one with outbox.Install")
	case s == nil:
		panic("outbox: PublishSignal: the signal is nil: make one with signals.New")
	case p.Version < 0:
		panic(fmt.Sprintf("outbox: PublishSignal of %s: Version %d is no version: count from 1", s.Name(), p.Version))
	}
	setDefault(&p.Version, 1)
	end := s.Connect(func(context.Context, E) error { return nil },
		signals.Durable(publishing[E]{ob, s.Name(), p}, "outbox "+ob.Table), signals.Last())
	return func() { end() }
}

// publishing is a store that publishes each event instead of keeping it for a receiver.
type publishing[E any] struct {
	ob     *Outbox
	signal string
	Publication[E]
}

// Register implements [signals.Store].
func (publishing[E]) Register(signals.DurableReceiver) error { return nil }

// Keep implements [signals.Store].
func (p publishing[E]) Keep(ctx context.Context, tx *gorm.DB, _ signals.DurableReceiver, events []signals.KeptEvent) error {
	return p.ob.publish(ctx, tx, len(events), func(i int) (record, error) { return p.record(events[i]) })
}

// record makes the record of an event.
func (p publishing[E]) record(kept signals.KeptEvent) (record, error) {
	var e E
	if err := json.Unmarshal(kept.Data, &e); err != nil {
		return record{}, fmt.Errorf("outbox: an event of %s: %w", p.signal, err)
	}
	typ, subject, data := p.signal, Subject(kept.Table, kept.Key...), kept.Data
	if p.Type != nil {
		typ = p.Type(e)
	}
	if p.Subject != nil {
		subject = p.Subject(e)
	}
	if typ == "" || subject == "" {
		return record{}, errors.New("outbox: an event of " + p.signal + " has no type or no subject: its Publication returned an empty text")
	}
	if p.Payload != nil {
		var err error
		if data, err = json.Marshal(p.Payload(e)); err != nil {
			return record{}, fmt.Errorf("outbox: the payload of %s: %w", typ, err)
		}
	}
	if p.ob.TypePrefix != "" {
		typ = p.ob.TypePrefix + "." + typ
	}
	return record{
		ID: newID(time.Now()), Type: fmt.Sprintf("%s.v%d", typ, p.Version), Subject: subject, ContentType: "application/json", Data: data,
	}, nil
}
