// Package dbtest runs the promises of the library on PostgreSQL and MariaDB, and with other GORM plugins. It is a module
// of its own because of their drivers; it holds tests only.
package dbtest
