// Package exit defines errors with an exit code.
package exit

import (
	"errors"
	"fmt"
	"io/fs"
)

// Exit codes. Scripts rely on them; docs/cli.md lists them.
const (
	CodeNo     = 1 // the answer to the command's question is no
	CodeUsage  = 2 // wrong usage, or a refused cluster file
	CodeFailed = 3 // it could not be done
)

// Error is an error with its exit code.
type Error struct {
	code int
	err  error
}

func (f *Error) Error() string { return f.err.Error() }
func (f *Error) Unwrap() error { return f.err }

// With adds an exit code to an error.
func With(code int, err error) error { return &Error{code, err} }

// No returns an error that is the answer no.
func No(format string, args ...any) error { return With(CodeNo, fmt.Errorf(format, args...)) }

// Usage returns an error about wrong usage.
func Usage(format string, args ...any) error { return With(CodeUsage, fmt.Errorf(format, args...)) }

// Failed returns an error about something that could not be done.
func Failed(format string, args ...any) error { return With(CodeFailed, fmt.Errorf(format, args...)) }

// Differs is the answer no when stdout has shown it already.
type Differs struct{}

func (Differs) Error() string { return "the answer is no" }

// Code returns the exit code of an error.
func Code(err error) int {
	if f, ok := errors.AsType[*Error](err); ok {
		return f.code
	}
	if _, no := errors.AsType[Differs](err); no {
		return CodeNo
	}
	return CodeFailed
}

// Bare returns an error without its exit code.
func Bare(err error) error {
	if f, ok := err.(*Error); ok {
		return f.err
	}
	return err
}

// Reason returns an error of the operating system without the path, which the
// message names already.
func Reason(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}
