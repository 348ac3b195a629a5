// Package relations reads how the models of a database relate: which many2many relations share a join table, and which rows the database deletes with
// their parents.
package relations
