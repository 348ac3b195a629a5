// Package behaviour tests, through the public API, which signals each call of GORM sends and what the call leaves in the database.
//
// The name of a file begins with its subject. Start with create, save, update, delete and silent, which follow docs/sent.md line by line. The
// other subjects are:
//
//   - associations, cascade, m2m, models: calls that write several tables, and models of every shape
//   - commit, savepoints, durable: when deferred receivers run, and what a rollback undoes
//   - event, fields, rows: what an event knows, and which rows and values it reports
//   - receivers, observer: receivers that fail, wait or write, and observers
//   - queries: the statements that the plugin adds
//   - beside: callbacks, conditions and connection pools of other plugins
//
// helpers_test.go has the models and traces that most files use. A case that must hold on every database belongs to package conformance.
package behaviour
