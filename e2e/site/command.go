// Package site is a site on one machine: a network with a DHCP server, hosts
// that boot systemd as their first process from a root directory, and an
// operator's workstation. It must run as root in a mount, process and network
// namespace of its own (the script e2e/run makes them), so that whatever it
// starts or mounts ends with it.
package site

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// commandTimeout ends a command that hangs on a host that hangs. On a busy machine
// a stage of cloud-init takes more than a minute.
const commandTimeout = 5 * time.Minute

// Run runs a command and gives what it printed. An error holds both its
// outputs.
func Run(name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w\n%s%s", name, strings.Join(args, " "), err, out.String(), problems.String())
	}
	return out.String(), nil
}

// all runs commands given as lines, in order, until one fails.
func all(lines ...string) error {
	for _, line := range lines {
		words := strings.Fields(line)
		if _, err := Run(words[0], words[1:]...); err != nil {
			return err
		}
	}
	return nil
}

// Until asks again and again until there is no error, and gives how long that
// took.
func Until(limit time.Duration, ask func() error) (time.Duration, error) {
	const pause = 100 * time.Millisecond
	begin := time.Now()
	for {
		err := ask()
		took := time.Since(begin)
		if err == nil {
			return took, nil
		}
		if took > limit {
			return took, fmt.Errorf("not within %s: %w", limit, err)
		}
		time.Sleep(pause)
	}
}

// together runs one function a host at the same time.
func together(hosts []*Host, do func(*Host) error) error {
	results := make(chan error, len(hosts))
	for _, h := range hosts {
		go func() {
			if err := do(h); err != nil {
				results <- fmt.Errorf("%s: %w", h.Name, err)
				return
			}
			results <- nil
		}()
	}
	var problems []error
	for range hosts {
		problems = append(problems, <-results)
	}
	return errors.Join(problems...)
}
