package check

import (
	"strconv"
	"strings"

	"hagen/gen/read"
)

// vrrpNumbers are keywords with numbers, and the range that makes sense. A
// check that runs seldom leaves the address on a failed machine.
var vrrpNumbers = []struct {
	keyword     string
	least, most float64
}{
	{"vrrp_version", 2, 3}, {"virtual_router_id", 1, 255}, {"priority", 1, 254}, {"advert_int", 0.1, 10},
	{"interval", 1, 10}, {"timeout", 1, 10}, {"fall", 1, 10}, {"rise", 1, 30}, {"weight", -253, 253},
}

// vrrpWords checks that keepalived can read its configuration.
func (m *machine) vrrpWords() {
	if len(m.routers) == 0 {
		return
	}
	r := m.routers[0]
	at, depth := 0, 0
	here := func(at int) read.Place { return r.At(at) }
	for line := range strings.Lines(r.Text) {
		before, _, _ := strings.Cut(line, "#")
		before, _, _ = strings.Cut(before, "!")
		words := read.Split(before, at)
		at += len(line)
		if depth += strings.Count(before, "{") - strings.Count(before, "}"); depth < 0 {
			m.find(ruleVirtualIP, here(words[0].At), "has a } without its {").Remedy = "write a } for every {"
			return
		}
		if len(words) == 0 || words[0].Text == "" || strings.ContainsAny(words[0].Text[:1], "}$@") {
			continue
		}
		keyword := words[0]
		for _, row := range vrrpNumbers {
			if row.keyword != keyword.Text || len(words) < 2 {
				continue
			}
			if n, err := strconv.ParseFloat(words[1].Text, 64); err != nil || n < row.least || n > row.most {
				m.find(ruleVirtualIP, here(words[1].At), "%s is %q, not a number from %g to %g", own(row.keyword), words[1].Text, row.least, row.most).
					Remedy = "write a number in this range"
			}
		}
		if keyword.Text == "state" && len(words) > 1 && words[1].Text != "MASTER" && words[1].Text != "BACKUP" {
			m.find(ruleVirtualIP, here(words[1].At), "state is %q, neither MASTER nor BACKUP", words[1].Text).Remedy = "write state BACKUP"
		}
	}
	if depth != 0 {
		m.find(ruleVirtualIP, read.Whole(read.KeepalivedConf), "has %d { without their }", depth).Remedy = "write a } for every {"
	}
}
