// Package lanes runs calls on a bounded number of goroutines. Calls of one row run one by one, in the order in which they came. Calls of different
// rows run at the same time. The package knows no database and no receivers.
//
// Read lane.go (a lane and its methods) first, then queue.go (which calls may start) and line.go (the order of one row).
package lanes
