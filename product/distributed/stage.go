package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// done is the line with which a process says that it has executed a command.
const done = "."

// actor is a process that the story has started.
type actor struct {
	cmd   *exec.Cmd
	input io.WriteCloser
	done  chan struct{} // gets a value for every executed command
	ended chan struct{} // closed when the process has ended
	err   error         // error of the process that has ended
}

// stage is the directory and the server of the processes.
type stage struct {
	dir    string
	url    string
	actors map[string]*actor
	hear   func(role, line string) // gets every line; several goroutines call it
}

func newStage(dir string) *stage { return &stage{dir: dir, actors: map[string]*actor{}} }

// start starts this program again, in a role.
func (s *stage) start(role string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, "-role", role, "-dir", s.dir, "-url", s.url) //nolint:noctx // It ends with its standard input.
	cmd.Stderr = os.Stderr
	input, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err = cmd.Start(); err != nil {
		return err
	}
	a := &actor{cmd: cmd, input: input, done: make(chan struct{}, 1), ended: make(chan struct{})}
	s.actors[role] = a
	go func() {
		defer close(a.ended)
		lines := bufio.NewScanner(output)
		for lines.Scan() {
			if lines.Text() == done {
				a.done <- struct{}{}
				continue
			}
			s.hear(role, lines.Text())
		}
		a.err = cmd.Wait()
	}()
	return nil
}

// command sends a command to a process. The channel gets a value when it is done.
func (s *stage) command(role, what string) (<-chan struct{}, error) {
	_, err := fmt.Fprintln(s.actors[role].input, what)
	return s.actors[role].done, err
}

// kill ends a process as kill -9 does.
func (s *stage) kill(role string) error {
	a := s.actors[role]
	if err := a.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("the %s cannot be killed: %w", role, err)
	}
	<-a.ended
	delete(s.actors, role)
	return nil
}

// ended returns an error if a process has ended by itself.
func (s *stage) ended() error {
	for role, a := range s.actors {
		select {
		case <-a.ended:
			return fmt.Errorf("the %s has ended: %s", role, a.cmd.ProcessState)
		default:
		}
	}
	return nil
}

// close ends all processes. It kills those that do not end within some seconds.
func (s *stage) close() error {
	var all sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	for role, a := range s.actors {
		all.Go(func() {
			_ = a.input.Close()
			select {
			case <-a.ended:
			case <-time.After(30 * second):
				_ = a.cmd.Process.Kill()
				<-a.ended
			}
			if a.err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, fmt.Errorf("the %s did not end well: %w", role, a.err))
			}
		})
	}
	all.Wait()
	clear(s.actors)
	return errors.Join(errs...)
}
