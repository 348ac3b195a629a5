// Package fuzzwrites runs random scripts of GORM calls, and compares the events with those that a model of the library predicts.
package fuzzwrites
