// Package e2e runs the outbox from end to end: a writer, two relays, a JetStream server and a consumer, each in an operating system
// process of its own, which are killed at random moments and started again until everything has arrived. Then what was committed is
// compared with what was handled. It is a module of its own because of the drivers and the server; it holds tests only.
//
// Children are killed by the test, and kill themselves at the worst moments: right before and after a commit of the writer, between
// the broker's answer and the relay's note of it, and between a commit of the consumer and its acknowledgement.
//
// SIGNALS_E2E_CHANGES says how many changes are committed; a tenth of that is rolled back besides. SIGNALS_E2E_SEED repeats the
// choices of an earlier run, which prints its seed; the timing of processes does not repeat. SIGNALS_E2E_INBOX=off leaves the inbox
// of the consumer out, and the test must fail then. SIGNALS_TEST_POSTGRES_DSN and SIGNALS_TEST_MARIADB_DSN name the servers.
package e2e
