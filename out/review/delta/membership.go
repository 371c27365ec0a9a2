package delta

import (
	"fmt"
	"strings"

	"hagen/out/review/plan"
)

// membership turns a command that changes the members of etcd into one that does no harm when it
// is run again, and that is: for some seconds after a change etcd refuses the next one.
func membership(c plan.Command) command {
	const list = "list=$(etcdctl member list) && "
	again := command{Command: c, Again: true}
	switch name, rest := memberOf(c.Text); {
	case strings.HasPrefix(c.Text, "etcdctl member add "):
		_, urls, _ := strings.Cut(c.Text, "--peer-urls=")
		urls, _, _ = strings.Cut(urls, " ")
		again.Text = fmt.Sprintf(`%s{ echo "$list" | grep -F ', %s,' || %s; }`, list, urls, c.Text)
	case name != "" && strings.HasPrefix(c.Text, "etcdctl member remove "):
		again.Text = fmt.Sprintf(`%sid=$(echo "$list" | awk -F', ' '$3 == "%s" { print $1 }') && { test -z "$id" || etcdctl member remove "$id"; }`, list, name)
	case name != "" && strings.HasPrefix(c.Text, "etcdctl member update "):
		again.Text = fmt.Sprintf(`%sid=$(echo "$list" | awk -F', ' '$3 == "%s" { print $1 }') && test -n "$id" && etcdctl member update "$id"%s`, list, name, rest)
	default:
		again.Again = false
	}
	return again
}

// memberOf is the name of the member whose ID a command looks up, and what comes after it.
func memberOf(text string) (name, rest string) {
	_, after, found := strings.Cut(text, `$3 == "`)
	if !found {
		return "", ""
	}
	name, after, _ = strings.Cut(after, `"`)
	_, rest, _ = strings.Cut(after, ")")
	return name, rest
}
