// Package lanes runs calls on a bounded number of goroutines. Calls of one row run one by one, in the order in which they came; calls of
// different rows run at the same time. It knows no database and no receivers.
//
// Read lane.go (what a lane is and what can be asked of it) first, then queue.go (who may start) and line.go (the order of one row).
package lanes
