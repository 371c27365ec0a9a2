package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"hagen/e2e/site"
)

// plan is what hagen plan --json prints, as far as an operator follows it.
type plan struct {
	Possible        bool
	Environment     []variable
	Prepare, Verify []command
	CleanUp         []command
	Steps           []planStep
}

type planStep struct {
	Action, Host, Unit string
	Install            []struct{ Name, Path string }
	Write, Remove      []string
	Document           string
	Commands, Checks   []command
}

type variable struct{ Name, Value string }

type command struct {
	Host, Command string
	Environment   []variable
	Seconds       int
}

// planned gives the plan from a cluster to a layout.
func planned(t *testing.T, c *site.Cluster, to site.Layout, flag string) plan {
	t.Helper()
	p, err := ask(t, c, to, flag)
	must(t, err)
	if !p.Possible || len(p.Steps) == 0 {
		t.Fatalf("no plan to %s: %+v", to.Name, p)
	}
	return p
}

// ask gives the plan, and what hagen ended with: it refuses a plan that is not possible.
func ask(t *testing.T, c *site.Cluster, to site.Layout, flag string) (p plan, refused error) {
	t.Helper()
	file, err := c.Plan(to)
	must(t, err)
	out, refused := c.Workstation("hagen plan --json " + flag + " cluster.yaml " + file)
	must(t, json.Unmarshal([]byte(out), &p))
	return p, refused
}

// follow does all that a plan says.
func (p plan) follow(t *testing.T, c *site.Cluster) {
	t.Helper()
	must(t, p.followWith(t, c, nil))
}

// followWith does so, and something before each step unless it is nil. It stops at a check
// that does not succeed.
func (p plan) followWith(t *testing.T, c *site.Cluster, before func(planStep)) error {
	t.Helper()
	f := follower{c: c, environment: words(p.Environment)}
	for _, b := range p.Prepare {
		must(t, f.try(b))
	}
	for i, step := range p.Steps {
		t.Logf("step %d: %s %s %s", i+1, step.Host, step.Action, step.Unit)
		if before != nil {
			before(step)
		}
		must(t, f.do(step))
		for _, check := range step.Checks {
			_, err := site.Until(time.Duration(check.Seconds)*time.Second, func() error { return f.try(check) })
			if err != nil {
				return fmt.Errorf("step %d, %s: %w", i+1, step.Host, err)
			}
		}
	}
	for _, a := range p.Verify {
		must(t, f.try(a))
	}
	return nil
}

// follower runs a plan's commands where they are meant to be run.
type follower struct {
	c           *site.Cluster
	environment []string
}

func words(environment []variable) (all []string) {
	for _, v := range environment {
		all = append(all, v.Name+"="+v.Value)
	}
	return all
}

// do does what a step says, but for its checks.
func (f follower) do(step planStep) error {
	h, err := f.c.Host(step.Host)
	if err != nil {
		return err
	}
	if len(step.Remove) > 0 {
		return fmt.Errorf("this test does not know how to do that: %+v", step)
	}
	for _, b := range step.Install {
		err = errors.Join(err, h.Put(filepath.Join(f.c.Parts.Masters, b.Name), b.Path))
	}
	for _, place := range step.Write {
		err = errors.Join(err, h.Write(f.c.Document(h), place))
	}
	switch step.Action {
	case "re-image":
		err = errors.Join(err, f.c.Reimage(h))
	case "boot":
		err = errors.Join(err, h.Install(f.c.Parts, filepath.Join(f.c.Dir, step.Document, "config.ign")), h.Boot())
	}
	for _, command := range step.Commands {
		problem := f.try(command)
		if step.Action == "switch off" {
			continue // the machine ends the command that it is given
		}
		err = errors.Join(err, problem)
	}
	if step.Action == "switch off" {
		err = errors.Join(err, f.c.Leave(h))
	}
	return err
}

func (f follower) try(c command) error {
	if c.Host == "" {
		_, err := f.c.Workstation(c.Command, slices.Concat(f.environment, words(c.Environment))...)
		return err
	}
	h, err := f.c.Host(c.Host)
	if err != nil {
		return err
	}
	_, err = h.Exec("sh", "-c", c.Command)
	return err
}
