package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"testing"
	"time"
)

// The test binary runs itself: with a role in its environment it is a child, which works at its role until it is killed.
const (
	roleVariable     = "SIGNALS_E2E_ROLE"
	settingsVariable = "SIGNALS_E2E_SETTINGS"
)

// settings are passed to children as JSON.
type settings struct {
	Kind     string // of the writer's database: see openWriterDB
	DSN      string // of the writer's database
	Consumer string // file of the consumer's database
	Broker   string // directory of the streams
	Port     int    // of the broker
	Inbox    bool   // whether the consumer has one

	Changes, Undone int           // how many changes to commit, and how many to roll back
	Atleast         time.Duration // the least time that the writer takes
	Seed            uint64
}

// roles are the functions of children. The writer returns when its work is done, the others only with an error.
func roles() map[string]func(ctx context.Context, s settings) error {
	return map[string]func(ctx context.Context, s settings) error{
		"writer": write, "workers": work, "relay": relay, "other relay": relay, "broker": broker, "consumer": consume,
	}
}

func TestMain(m *testing.M) {
	role := os.Getenv(roleVariable)
	if role == "" {
		os.Exit(m.Run())
	}
	go func() { // the input ends with the test, also if the test is killed
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(3)
	}()
	var s settings
	err := json.Unmarshal([]byte(os.Getenv(settingsVariable)), &s)
	if err == nil {
		err = roles()[role](context.Background(), s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}
