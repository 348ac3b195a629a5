// Package behaviour tests, through the public API, which signals each call of GORM sends and what the call leaves in the database.
//
// A fact that holds on every database is a case of package conformance and no test here. What the plain calls send is there; docs/sent.md names
// case or test for each. Here stand the forms of a call, what depends on SQLite, and what only Go shows: sessions, contexts, panics, options.
// The name of a file begins with its subject:
//
//   - create, save, update, silent: what single calls send
//   - cascade, m2m, models: calls that write several tables, and models of every shape
//   - commit, savepoints, durable: when deferred receivers run, and what a rollback undoes
//   - event, fields, rows: what an event knows, and which rows and values it reports
//   - receivers, observer: receivers that fail, wait or write, and observers
//   - queries: the statements that the plugin adds
//   - beside: callbacks, conditions and connection pools of other plugins
//
// helpers_test.go has the models and traces that most files use.
package behaviour
