// Package bench measures what signals cost, beside plain GORM, GORM's own hooks and code written by hand. make bench prints all
// of it as a table, with other Go libraries beside; the benchmarks here are for profiles of one workload.
package bench
