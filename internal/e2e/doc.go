// Package e2e runs the outbox from end to end: a writer, two relays, a JetStream server and a consumer, each in a process of its own. The test kills
// these processes at random moments and starts them again until everything has arrived. Then it compares the committed changes with the handled
// events. It is a module of its own because of the drivers and the server, and holds only tests.
//
// The processes also kill themselves at the worst moments: right before and after a commit of the writer, between the broker's answer and the relay's
// UPDATE, and between a commit of the consumer and its acknowledgement.
//
// SIGNALS_E2E_CHANGES is the number of committed changes; a tenth as many are rolled back besides. SIGNALS_E2E_SEED repeats the choices of an earlier
// run, which prints its seed; the timing of processes does not repeat. With SIGNALS_E2E_INBOX=off the consumer has no inbox, and the test must fail.
// SIGNALS_TEST_POSTGRES_DSN and SIGNALS_TEST_MARIADB_DSN name the servers.
package e2e
