package natsembed

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
)

// logger gives what the server says to a [slog.Logger]. It also remembers why a start failed, as the server only logs that.
type logger struct {
	to *slog.Logger

	mu  sync.Mutex
	err error // the first fatal one
}

// Noticef logs a normal step.
func (l *logger) Noticef(format string, v ...any) { l.log(slog.LevelInfo, format, v) }

// Warnf logs what is odd.
func (l *logger) Warnf(format string, v ...any) { l.log(slog.LevelWarn, format, v) }

// Errorf logs what went wrong.
func (l *logger) Errorf(format string, v ...any) { l.log(slog.LevelError, format, v) }

// Debugf logs details.
func (l *logger) Debugf(format string, v ...any) { l.log(slog.LevelDebug, format, v) }

// Tracef logs the protocol.
func (l *logger) Tracef(format string, v ...any) { l.log(slog.LevelDebug, format, v) }

// Fatalf logs and remembers what the server cannot go on with. It does not end the process.
func (l *logger) Fatalf(format string, v ...any) {
	l.log(slog.LevelError, format, v)
	err := fmt.Errorf(format, v...)
	for _, arg := range v {
		if cause, ok := arg.(error); ok {
			err = cause
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = err
	}
}

func (l *logger) fatal() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

func (l *logger) log(level slog.Level, format string, v []any) {
	if l.to != nil {
		l.to.LogAttrs(context.Background(), level, "natsembed: the server speaks", slog.String("text", fmt.Sprintf(format, v...)))
	}
}
