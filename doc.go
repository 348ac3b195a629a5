// Package signals sends Django's signals from GORM: pre_save, post_save, pre_delete and post_delete for each row that a create, an update
// or a delete writes, and m2m_changed for links between rows. The call may name the rows by a struct, a slice, a key or a condition.
//
// A program connects functions to a [Signal]. A connected function is a receiver. Sending a signal calls its receivers with an event, which
// holds the instance: the row that is written. The sender is the model of the row. GORM's hooks and callbacks run as they do without this
// package.
//
// # Installing
//
// A [Plugin] makes a database send signals. Its zero value works.
//
//	if err := db.Use(signals.Plugin{}); err != nil {
//		log.Fatal(err)
//	}
//
// Receivers belong to the database on which they were connected. Writes of all its sessions call them, and two databases never share
// receivers. Connect once, after db.Use and before the first write, and not in a handler.
//
// # Connecting
//
// [For] returns the signals of one model, and [Signal.Connect] connects a receiver to one of them:
//
//	products := signals.For[Product](db)
//	products.PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
//		e.Instance.Slug = strings.ToLower(e.Instance.Name)
//		return nil
//	})
//	products.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
//		fmt.Println("saved", e.Instance.Slug, e.Instance.Price, "created", e.Created)
//		return nil
//	})
//	products.PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Product]) error {
//		fmt.Println("deleted", e.Instance.Name)
//		return nil
//	})
//
// From now on plain GORM calls are enough. This code
//
//	lamp := Product{Name: "Lamp", Price: 30}
//	db.Create(&lamp)
//	db.Model(&lamp).Update("price", 25)
//	db.Delete(&Product{}, lamp.ID)
//
// prints
//
//	saved lamp 30 created true
//	saved lamp 25 created false
//	deleted Lamp
//
// The Delete names only a key, and the receiver still gets the whole row. With a condition, each matching row has its own events:
//
//	db.Model(&Product{}).Where("price > ?", 10).Update("price", gorm.Expr("price * 2"))
//
// [Implementing] returns the signals of all models that implement an interface; Implementing[any] means every model.
//
// [ConnectAll] connects all methods of a value that are named after signals, and a [Group] disconnects several receivers together.
//
// The function that Connect returns disconnects the receiver. The option [UID] gives the receiver a name: [Signal.Disconnect] and [Mute] find
// it, and connecting another receiver with this name replaces it. Receivers run in the order of their [Priority], then in the order in which
// they were connected. [First] and [Last] come before and after all priorities. [Signal.ConnectBatch] connects a receiver that gets the rows
// of one INSERT, or of one batch of a condition, in one call. [OnCreate], [OnUpdate], [Becomes] and [Fields] narrow a save receiver to some
// rows, and [Once] lets a receiver run for one event only. [Receivers] lists the connected receivers, each with its place in the program.
//
// Connect panics on bad input, such as a nil receiver or a field that the model does not have, and the message names the cure. [Plugin].Strict
// makes probable mistakes panic too, such as a handler that connects on each request. Without Strict, the log has a warning.
//
// # When signals are sent
//
//   - PreSave and PreDelete: once per row, after GORM's Before hooks and before the SQL of the write.
//   - PostSave and PostDelete: once per row, after the SQL of the write and GORM's After hooks, before the commit.
//   - PostChange: with PostSave and with PostDelete, for receivers of both.
//   - M2MChanged: once per owner before its links of a many2many relation change, and once after.
//   - PostLoad: once per row, after a query has filled a struct of the model and GORM has run its AfterFind hook.
//   - A custom signal: when the program calls [Signal.Send] or [Signal.SendIn].
//
// A write of several rows sends all pre signals, then writes, then sends all post signals. An update or a delete by a condition does so in
// batches of [Plugin].BatchSize rows. Some writes send nothing: UpdateColumn and Session{SkipHooks: true}, which GORM runs without hooks;
// Exec; Table without a model; DryRun. Writes under the context that [Mute] returns skip receivers. [Raw] marks the events of a write as
// fixture loading.
//
// # In which transaction
//
// All signals of a write are sent in the transaction of the write. The event's DB method returns a session in this transaction. Rows that a
// receiver writes through this session are committed and rolled back with the row. Do not write through another session: it is outside the
// transaction, and may wait for a lock that the write holds.
//
//	for _, c := range e.Changes() {
//		text := fmt.Sprintf("%s %d: %s: %v -> %v", e.Schema().Table, e.Instance.ID, c.Column, c.Old, c.New)
//		if err := e.DB().Create(&AuditEntry{Text: text}).Error; err != nil {
//			return err
//		}
//	}
//	return nil
//
// A receiver with this body, connected to PostSave, keeps an audit log. After an update of two columns it holds
//
//	products 1: price: 30 -> 25
//	products 1: stock: 0 -> 4
//
// Under SkipDefaultTransaction, the package opens a transaction of its own if it reads before it writes. A plain Create has no transaction
// then, nor has a Save whose receivers all have Needs(Keys). The option [Atomic] makes the package open one.
//
// # After the commit
//
// With [AfterCommit], a receiver of a post signal runs after the outermost transaction has committed. It never runs if the transaction, or a
// savepoint around the write, was rolled back:
//
//	signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
//		fmt.Println("mailed:", e.Instance.Name)
//		return nil
//	}, signals.AfterCommit())
//
// [BeforeCommit], [AfterRollback] and [AfterFailure] are the other phases. [Net] makes one event of all writes of a row in the transaction.
// [OnCommit] and [OnRollback] queue functions. [Plugin].ErrorHandler gets the errors of receivers that run after the end. [Tracking] says
// which transactions the plugin follows.
//
// A write waits for its AfterCommit receivers. [NewLane] makes a lane. A receiver that is connected with [In] runs on the lane, in the
// background, with the events of each row in order:
//
//	mail := signals.NewLane(signals.LaneConfig{Name: "mail", Workers: 8, Queue: 1000, Timeout: 5 * time.Second})
//
// A crash loses the calls that are queued on a lane. Module outbox has [Durable] receivers, whose calls a crash does not lose.
//
// # Events
//
// [SaveEvent] has Instance, the row as it will be or is written, and Created, which is true for an INSERT. For Create and Save, Instance is the
// caller's own struct. For every other form of update, Instance is a copy of the stored row with the assignments applied. A receiver of
// PreSave may change Instance, and GORM writes the change; with a condition, to that row only. Original returns the stored row, so a receiver
// can compare old and new values:
//
//	old, err := e.Original()
//	if err != nil || e.Created {
//		return err
//	}
//	if e.Instance.Price < old.Price {
//		fmt.Printf("%s: now %d instead of %d\n", e.Instance.Name, e.Instance.Price, old.Price)
//	}
//	return nil
//
// Changed and Changes compare both rows. UpdateFields names the fields that the write assigns. Restored is true if a soft-deleted row is live
// again. These methods leave out automatic update times, unless Changed is asked for one by name.
//
// The other events:
//
//   - [DeleteEvent] has Instance, the stored row; Soft, true if the row stays and is marked as deleted; and Cascade, true if the row is deleted
//     because its parent is.
//   - [ChangeEvent] has Instance and Kind: [Created], [Updated], [SoftDeleted], [Deleted] or [Restored]. It has the methods of both other events.
//   - [M2MEvent] has Instance, the row whose relation changes; the name of the relation; the action; and the primary keys of the rows on the
//     other side whose links are added or removed.
//   - [LoadEvent] has Instance, the struct that the query filled.
//   - [Event] is the interface of them all: DB, Key, Schema and Raw.
//
// The plugin reads before a write only what the connected receivers need. A receiver with [Needs](Keys) gets the key and the fields that the
// write itself names.
//
// # What an error does
//
// The first error ends the send and fails the write. It is the call's db.Error: a [ReceiverError], in which [errors.Is] and [errors.As] find the
// receiver's own error. A panic of a receiver becomes such an error, with a [PanicError] that holds the stack. GORM rolls back the transaction
// of the write. If the caller opened the transaction, the caller rolls it back, as after any error of GORM. An error of PostLoad is the
// query's error.
//
//	errInStock := errors.New("still in stock")
//	signals.For[Product](db).PreDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Product]) error {
//		if e.Instance.Stock > 0 {
//			return errInStock
//		}
//		return nil
//	}, signals.UID("keep-stock"))
//
// With this receiver, a delete by a condition that matches a product in stock deletes nothing and has the error
//
//	signals: receiver keep-stock of pre_delete of Product: still in stock
//
// A receiver may write, and its write sends signals, whose receivers may write in turn. Beyond a depth of [Plugin].MaxDepth, the write fails with
// [ErrRecursion].
//
// # Who writes
//
// [WithActor] puts the acting user into a context. Receivers of every phase get the user from [Actor]:
//
//	db.WithContext(signals.WithActor(ctx, "ann")).Create(&Product{Name: "lamp"})
//
// # Custom signals
//
// [New] makes a signal that the program sends itself. Custom signals and the signals of models are one type.
//
//	viewed := signals.New[View]("product_viewed")
//
// [Signal.Send] calls the receivers and stops at the first error. [Signal.SendRobust] calls all receivers, whatever they return, and
// [Signal.SendConcurrent] calls them all at once; both return one [Response] for each receiver. [Signal.SendIn] sends in a transaction:
// receivers with AfterCommit, BeforeCommit and AfterRollback then wait for its end.
package signals
