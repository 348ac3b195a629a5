// Package bench measures what signals cost, beside plain GORM, GORM's own hooks and code by hand. make bench prints all figures as a table, together
// with other Go libraries. The benchmarks of this package are for profiles of one workload.
package bench
