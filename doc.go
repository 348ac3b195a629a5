// Package signals sends signals from GORM, as Django does: pre_save, post_save, pre_delete and post_delete, for every row
// that a create, an update or a delete writes, however the call names it, and m2m_changed for the links between rows.
//
// A [Signal] is what functions can be connected to. A connected function is a receiver. To send a signal is to call its
// receivers with an event, which holds the instance: the row that is written. The sender is the model of the row. Hook and
// callback are GORM's own words and mean GORM's own things; hooks run as they do without this package.
//
// # Installing
//
// A [Plugin] makes a database send signals. Its zero value works.
//
//	if err := db.Use(signals.Plugin{}); err != nil {
//		log.Fatal(err)
//	}
//
// Receivers belong to the database that they were connected on. They hear of writes from any session of it, and two
// databases never see each other's receivers.
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
// The Delete names a key and no more, and the receiver still gets the whole row. So it is with conditions, where each
// matching row has its own events:
//
//	db.Model(&Product{}).Where("price > ?", 10).Update("price", gorm.Expr("price * 2"))
//
// [Implementing] returns the signals of all models that implement an interface; Implementing[any] means every model.
//
// [ConnectAll] connects all methods of a value that are named after signals, and a [Group] disconnects several receivers together.
//
// The function that Connect returns disconnects the receiver. The option [UID] gives it a name: connecting another receiver
// with this name replaces it, and [Signal.Disconnect] finds it. Receivers run in the order of their [Priority] and then
// of their connection. [Signal.ConnectBatch] connects a receiver that gets the rows of one INSERT, or of one batch of a
// condition, in one call. [First] and [Last] go around all priorities. [OnCreate], [OnUpdate] and [Becomes] narrow a save receiver to
// some rows, and [Once] lets a receiver run for one event only. [Receivers] lists who is connected, and where in the program. Bad input, such as a nil receiver
// or a field that the model does not have, panics at Connect with a text that names the cure. With [Plugin].Strict so does what is legal
// and probably wrong, such as a handler that connects on each request; without it the log has a warning.
//
// # When signals are sent
//
//   - PreSave and PreDelete: once per row, after GORM's Before hooks and before the SQL of the write.
//   - PostSave and PostDelete: once per row, after the SQL of the write and GORM's After hooks, before the commit.
//   - PostChange: with PostSave and with PostDelete, for receivers that want to hear of both.
//   - M2MChanged: once per owner before its links of a many2many relation change, and once after.
//   - PostLoad: once per row, after a query has filled a struct of the model and GORM has run its AfterFind hook.
//   - A custom signal: when the program calls [Signal.Send] or [Signal.SendIn].
//
// A write of several rows sends all pre signals, then writes, then sends all post signals. An update or a delete by a
// condition does so in batches of [Plugin].BatchSize rows. What GORM writes without hooks, as UpdateColumn and
// Session{SkipHooks: true} do, sends nothing, and neither do Exec, a Table without a model, and a DryRun. Writes under
// the context that [Mute] returns skip receivers. [Raw] marks the events of a write as fixture loading.
//
// # In which transaction
//
// All signals of a write are sent in the transaction of the write. The session that the event's DB method returns works
// in it: what a receiver writes through it is committed and rolled back with the row.
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
// Under SkipDefaultTransaction the package opens a transaction of its own where it has to read before it writes. A plain
// Create has none then, and neither has a Save that only receivers with Needs(Keys) hear.
//
// # After the commit
//
// [AfterCommit] lets a receiver of PostSave or PostDelete run once the outermost transaction has committed, and never when
// the transaction, or a savepoint around the write, was rolled back:
//
//	signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
//		fmt.Println("mailed:", e.Instance.Name)
//		return nil
//	}, signals.AfterCommit())
//
// [BeforeCommit], [AfterRollback] and [AfterFailure] are the other phases, [Net] makes one event of all writes of a row, and [OnCommit] and
// [OnRollback] queue functions. Errors of what runs after the end go to [Plugin].ErrorHandler. Which transactions are
// followed is up to [Tracking].
//
// A write waits for its AfterCommit receivers. [NewLane] makes a lane, and a receiver that is connected with [In] runs on it, in the background,
// with the events of each row in order:
//
//	mail := signals.NewLane(signals.LaneConfig{Name: "mail", Workers: 8, Queue: 1000, Timeout: 5 * time.Second})
//
// What is queued there is lost in a crash. [Durable] is for what must not be.
//
// # With which fields
//
// [SaveEvent] holds Instance, the row as it will be or is written, and Created, which is true for an INSERT. For Create and
// Save, Instance is the caller's own struct. For every other form of update it is a copy of the stored row with the
// assignments applied. A receiver of PreSave may change it, and the change is written; with a condition, to that row only.
// Original returns the stored row, so that old and new values are side by side:
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
// Changed and Changes compare the two, UpdateFields names what the write assigns, and Restored tells that a soft-deleted
// row is live again. Automatic update times are in none of them, unless Changed is asked for one by name.
//
// [DeleteEvent] holds Instance, the stored row, Soft, which is true when the row stays and is marked as deleted, and Cascade,
// which is true when the row goes because its parent does.
// [ChangeEvent] holds Instance and Kind: [Created], [Updated], [SoftDeleted], [Deleted] or [Restored]. It answers what the other two answer.
// [M2MEvent] holds Instance, the row whose relation changes, the name of the relation, the action, and the primary keys of the
// other side whose links really appear or go.
// [LoadEvent] holds Instance, the struct that the query filled. [Event] is what all of them answer: DB, Key, Schema and Raw.
//
// How much is read before a write is the least that the connected receivers need. A receiver that says [Needs](Keys)
// works with the key and what the write itself names; [Fields] narrows a receiver to saves in which one of some fields
// changes.
//
// # What an error does
//
// The first error ends the send and fails the write: it is the call's db.Error, as a [ReceiverError] through which
// [errors.Is] and [errors.As] see the receiver's own error. A panic of a receiver is such an error too and holds a
// [PanicError] with the stack. The transaction of the write is rolled back; one that the caller opened is the caller's to
// roll back, as after any error of GORM. An error of PostLoad is the query's error.
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
// Receivers whose writes send signals whose receivers write in turn are stopped by [ErrRecursion] when they are deeper than
// [Plugin].MaxDepth.
//
// # Who writes
//
// [WithActor] names in a context who writes under it, and [Actor] tells receivers, in every phase:
//
//	db.WithContext(signals.WithActor(ctx, "ann")).Create(&Product{Name: "lamp"})
//
// # Custom signals
//
// [New] makes a signal that the program sends itself. Custom signals and the signals of models are one type.
//
//	viewed := signals.New[View]("product_viewed")
//
// [Signal.Send] stops at the first error. [Signal.SendRobust] calls all receivers, whatever they return, and
// [Signal.SendConcurrent] calls them all at once; both answer with one [Response] per receiver. [Signal.SendIn] sends in a transaction: receivers
// with AfterCommit, BeforeCommit and AfterRollback then wait for its end.
package signals
