package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"hagen/out"
	"hagen/pki"
	"hagen/profiles"
)

// summary is what --json prints. Its fields are an interface: they are added
// to, never renamed.
type summary struct {
	Cluster    string           `json:"cluster"`
	Profile    string           `json:"profile"`
	Kubernetes profiles.Version `json:"kubernetes"`
	Etcd       profiles.Version `json:"etcd"`
	Output     string           `json:"output"`
	Changed    bool             `json:"changed"`
	Written    []string         `json:"written"`
	Removed    []string         `json:"removed"`
	Hosts      []hostSummary    `json:"hosts"`
	PKI        pkiSummary       `json:"pki"`
}

type hostSummary struct {
	Name      string            `json:"name"`
	Role      string            `json:"role"`
	OS        string            `json:"os"`
	Files     int               `json:"files"`
	Units     int               `json:"units"`
	Documents []documentSummary `json:"documents"`
}

type documentSummary struct {
	Format string `json:"format"`
	Path   string `json:"path"`
	Bytes  int    `json:"bytes"`
}

type pkiSummary struct {
	Made         []changeSummary `json:"made"`
	Reissued     []changeSummary `json:"reissued"`
	Kept         int             `json:"kept"`
	FirstExpiry  time.Time       `json:"firstExpiry"`
	FirstExpires string          `json:"firstExpires"`
}

type changeSummary struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// report prints the summary for people or, with --json, for programs.
func (w *work) report(ui *ui, ctx *cli.Context, dir string, result out.Result) error {
	for _, note := range result.Notes {
		ui.warn(note)
	}
	s := w.summary(dir, result)
	if ctx.Bool("json") {
		encoder := json.NewEncoder(ui.out)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(s); err != nil {
			return failed("the summary could not be printed: %w", reason(err))
		}
		return nil
	}
	s.print(ui)
	return nil
}

func (w *work) summary(dir string, result out.Result) summary {
	c := w.cluster
	s := summary{
		Cluster: c.Name, Profile: c.Profile.Name, Kubernetes: c.Kubernetes, Etcd: c.Etcd,
		Output: dir, Changed: result.Changed, Written: list(result.Written), Removed: list(result.Removed),
		PKI: pkiSummary{Made: []changeSummary{}, Reissued: []changeSummary{}},
	}
	for _, m := range w.machines {
		h := hostSummary{Name: m.Host.Name, Role: string(m.Host.Role), OS: m.Host.OS.Name, Files: len(m.Node.Files), Units: len(m.Node.Units)}
		for _, d := range m.Documents {
			h.Documents = append(h.Documents, documentSummary{d.Format, d.Path, len(d.Text)})
		}
		s.Hosts = append(s.Hosts, h)
	}
	for _, change := range w.issued.Changes {
		entry := changeSummary{change.Name, change.Why}
		switch change.Action {
		case pki.Made:
			s.PKI.Made = append(s.PKI.Made, entry)
		case pki.Reissued:
			s.PKI.Reissued = append(s.PKI.Reissued, entry)
		default:
			s.PKI.Kept++
		}
		if cert, err := w.issued.Set[change.Name].X509(); err == nil && (s.PKI.FirstExpires == "" || cert.NotAfter.Before(s.PKI.FirstExpiry)) {
			s.PKI.FirstExpiry, s.PKI.FirstExpires = cert.NotAfter.UTC(), change.Name
		}
	}
	return s
}

// list is an empty list rather than null in JSON.
func list(items []string) []string {
	if items == nil {
		return []string{}
	}
	return items
}

func (s summary) print(ui *ui) {
	ui.say("%scluster %s%s: %s, Kubernetes %s, etcd %s", ui.bold, s.Cluster, ui.normal, s.Profile, s.Kubernetes, s.Etcd)
	rows := [][]string{{"host", "role", "os", "files", "units", "document", "bytes"}}
	for _, h := range s.Hosts {
		row := []string{h.Name, h.Role, h.OS, fmt.Sprint(h.Files), fmt.Sprint(h.Units)}
		for _, d := range h.Documents {
			rows = append(rows, append(row, d.Path, count(d.Bytes)))
			row = []string{"", "", "", "", ""}
		}
	}
	table(ui.err, rows)
	ui.say("certificates and keys: %d made, %d reissued, %d kept; first to expire: %s on %s",
		len(s.PKI.Made), len(s.PKI.Reissued), s.PKI.Kept, s.PKI.FirstExpires, s.PKI.FirstExpiry.Format(time.DateOnly))
	// On a first run everything is made because nothing was there.
	if s.PKI.Kept+len(s.PKI.Reissued) > 0 {
		for _, c := range s.PKI.Made {
			ui.say("  made %s: %s", c.Name, c.Why)
		}
	}
	for _, c := range s.PKI.Reissued {
		ui.say("  reissued %s: %s", c.Name, c.Why)
	}
	for _, path := range s.Removed {
		ui.say("removed %s", path)
	}
	if s.Changed {
		ui.say("wrote %s", s.Output)
	} else {
		ui.say("nothing changed in %s", s.Output)
	}
}
