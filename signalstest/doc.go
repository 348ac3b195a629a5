// Package signalstest helps to test code that sends or receives signals.
//
// Record records what is sent for a model, and fails a test that wants something else. CaptureCommit lists and runs what waits for a commit,
// including BeforeCommit receivers, inside a transaction that the test rolls back.
package signalstest
