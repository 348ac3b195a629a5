// Package ent is what ent generates from package schema:
//
//	go run entgo.io/ent/cmd/ent@v0.14.5 generate --feature sql/modifier ./ent/schema
//
// Functions and types that the benchmark does not reach were removed, and with them the packages migrate, hook, runtime and
// enttest; what is left is as ent wrote it.
package ent
