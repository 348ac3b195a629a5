// Package house holds what keeps the engine readable: tests of the size of its files, functions and structs.
package house
