// Package beside tests that the plugin is harmless beside other people's code, and that its events are true there. One script of
// GORM calls runs on two databases, without and with the plugin, beside the callbacks, hooks and field types of others. They add
// conditions, set columns, change what is written, count their calls and open sessions, at every place that GORM offers.
//
// Everything that a program can see must be equal: the tables, the results, the errors, the caller's values, and the calls of
// the others. Triggers of the database write a log of every row. The events must agree with it.
package beside
