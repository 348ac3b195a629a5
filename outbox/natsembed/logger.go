package natsembed

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
)

// logger passes the server's log to a [slog.Logger]. It remembers why a start failed, because the server only logs this.
type logger struct {
	to *slog.Logger

	mu  sync.Mutex
	err error // the first fatal one
}

// Noticef logs a normal step of the server.
func (l *logger) Noticef(format string, v ...any) { l.log(slog.LevelInfo, format, v) }

// Warnf logs a warning.
func (l *logger) Warnf(format string, v ...any) { l.log(slog.LevelWarn, format, v) }

// Errorf logs an error.
func (l *logger) Errorf(format string, v ...any) { l.log(slog.LevelError, format, v) }

// Debugf logs details.
func (l *logger) Debugf(format string, v ...any) { l.log(slog.LevelDebug, format, v) }

// Tracef logs messages of the protocol.
func (l *logger) Tracef(format string, v ...any) { l.log(slog.LevelDebug, format, v) }

// Fatalf logs and remembers an error after which the server cannot go on. It does not end the process.
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
