// Package parity tests that the plugin changes nothing, and that its events are true. One long script of GORM calls runs on two databases, with the
// plugin and without. All results and tables must be equal, and the events must agree with the rows that triggers of the database have logged.
package parity
