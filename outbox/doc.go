// Package outbox makes signals survive a crash and reach other machines.
//
// What is to be told is written into a table, in the transaction of the change itself: an event is there if and only if its change
// was committed, savepoints included. Two things read the table.
//
//   - Receivers connected with Durable are called right after the commit and, should that fail or the process die, again by
//     [Outbox.Run], in this process or another one.
//   - A [Relay] drains what Publish wrote into an engine: see packages natsjs and watermillsink. [On] receives it on another machine.
//
// What is promised: at least once, with the same id on every copy; in order per row; an event that fails again and again is parked,
// and holds nobody up but, until then, the later events of its own row. With an [Inbox] on the consumer's database the effect there
// happens once. What is not promised: exactly once anywhere else, an order over different rows, events for raw SQL.
package outbox
