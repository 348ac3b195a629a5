package watermillsink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/gorm-signals/signals/outbox"
)

// mark marks an error of a publisher as Permanent or Unavailable, if it is known.
func (o options) mark(err error) error {
	whole := err
	for _, classify := range o.classify {
		marked, broken := asked(classify, err)
		if broken != nil { // the function knows nothing of the error
			whole = fmt.Errorf("%w, and %w", whole, broken)
		}
		if marked != nil {
			return marked
		}
	}
	switch {
	case outbox.IsPermanent(err), outbox.IsUnavailable(err):
		return whole
	case says(err, tooLarge()):
		return outbox.Permanent(whole)
	case unreachable(err), says(err, away()):
		return outbox.Unavailable(whole)
	default:
		return whole
	}
}

// asked returns the error that a function of Classify has marked, or nil if it has marked none. If the function does not return, broken says so.
func asked(classify func(err error) error, err error) (marked, broken error) {
	broken = <-begin("the function of Classify", func() error {
		if answer := classify(err); outbox.IsPermanent(answer) || outbox.IsUnavailable(answer) {
			marked = answer
		}
		return nil
	})
	return marked, broken
}

// unreachable reports whether the connection, or a context that has ended, caused an error.
func unreachable(err error) bool {
	if _, network := errors.AsType[net.Error](err); network {
		return true
	}
	for _, gone := range []error{
		context.Canceled, context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, io.ErrClosedPipe,
		syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EPIPE,
	} {
		if errors.Is(err, gone) {
			return true
		}
	}
	return false
}

// says reports whether an error contains one of the texts. The clients of engines have types for their errors, but this module would need each client
// only for these types.
func says(err error, texts []string) bool {
	said := err.Error()
	for _, text := range texts {
		if strings.Contains(said, text) {
			return true
		}
	}
	return false
}

// tooLarge returns the error texts of clients for a message that is too large.
func tooLarge() []string {
	return []string{
		"larger than configured Producer.MaxMessageBytes",  // sarama, before it sends
		"Message was too large, server rejected it",        // sarama, from the broker
		"message batch larger than the configured segment", // sarama, from the broker
		"MESSAGE_TOO_LARGE",                                // franz-go
	}
}

// away returns the error texts of clients for an engine that cannot take any message now.
func away() []string {
	return []string{
		"publisher closed", "Pub/Sub closed", // Watermill
		"redis: client is closed", "redis: connection pool timeout", "redis: connection pool exhausted",
		"LOADING ", "READONLY ", "MASTERDOWN ", "CLUSTERDOWN ", "TRYAGAIN ", "NOREPLICAS ", "OOM command not allowed", // Redis
		"ERR max number of clients reached",
		"kafka: client has run out of available brokers", "kafka: broker not connected", "kafka: tried to use a client that was closed",
		"kafka: message received by producer in process of shutting down", "kafka: controller is not available",
		"circuit breaker is open", // sarama, while the leader of a partition is unknown
		"there is currently no leader for this partition", "Your metadata is out of date",
		"Request exceeded the user-specified time limit", "The server disconnected before a response was received",
		"fewer in-sync replicas than required",
	}
}
