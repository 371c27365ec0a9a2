// Package exit holds errors that have an exit code.
package exit

import (
	"errors"
	"fmt"
	"io/fs"
)

// Exit codes. Scripts rely on them; docs/cli.md lists them.
const (
	CodeNo     = 1 // the answer is no, of a command that was asked something
	CodeUsage  = 2 // wrong usage, or a cluster file that was refused
	CodeFailed = 3 // it could not be done
)

// Error is an error with its exit code.
type Error struct {
	code int
	err  error
}

func (f *Error) Error() string { return f.err.Error() }
func (f *Error) Unwrap() error { return f.err }

// With gives an error the exit code.
func With(code int, err error) error { return &Error{code, err} }

// No makes an error that is the answer no.
func No(format string, args ...any) error { return With(CodeNo, fmt.Errorf(format, args...)) }

// Usage makes one of wrong usage.
func Usage(format string, args ...any) error { return With(CodeUsage, fmt.Errorf(format, args...)) }

// Failed makes one of what could not be done.
func Failed(format string, args ...any) error { return With(CodeFailed, fmt.Errorf(format, args...)) }

// Differs is the answer no that was told on stdout already.
type Differs struct{}

func (Differs) Error() string { return "the answer is no" }

// Code is the exit code of an error.
func Code(err error) int {
	if f, ok := errors.AsType[*Error](err); ok {
		return f.code
	}
	if _, no := errors.AsType[Differs](err); no {
		return CodeNo
	}
	return CodeFailed
}

// Bare is an error without its exit code.
func Bare(err error) error {
	if f, ok := err.(*Error); ok {
		return f.err
	}
	return err
}

// Reason is an error of the operating system without the path, which the
// message has named already.
func Reason(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}
