// Package docs tests the documents. Programs and outputs on a page must be those of an example, and each test, file, heading and make
// target that a page names must exist. The behaviour that a page promises is tested in package behaviour.
package docs
