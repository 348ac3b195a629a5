// Package fuzzwrites drives random scripts of GORM calls and compares what is sent with a model of what must be.
package fuzzwrites
