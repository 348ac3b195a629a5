// Package relations knows what the models of a database say about each other: which many2many relations read the rows of
// one join table, and which rows go with their parents.
package relations
