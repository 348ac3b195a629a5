// Package signalstest helps to test code that sends or receives signals.
//
// Record notes what is sent for a model, and says what was sent instead when that is not what a test wants. CaptureCommit
// shows and runs what waits for a commit, BeforeCommit receivers too, inside a transaction that the test rolls back.
package signalstest
