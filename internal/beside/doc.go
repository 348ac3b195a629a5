// Package beside tests that the plugin does no harm beside other people's code, and that its events are true there. One script of GORM calls runs on
// two databases, without and with the plugin, beside callbacks, hooks and field types of others. These add conditions, set columns, change written
// values, count their calls and open sessions, at every place that GORM offers.
//
// Everything that a program can see must be equal: the tables, the results, the errors, the caller's values, and the calls of the others. Triggers of
// the database log every written row, and the events must agree with this log.
package beside
