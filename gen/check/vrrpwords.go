package check

import (
	"slices"
	"strconv"
	"strings"

	"hagen/gen/read"
)

// vrrpKeywords are those of keepalived.conf(5) for virtual addresses, as far as
// anybody uses them in front of API servers.
var vrrpKeywords = strings.Fields(`
	include global_defs router_id vrrp_version enable_script_security script_user vrrp_script script interval timeout fall rise weight init_fail user
	vrrp_instance state nopreempt preempt preempt_delay interface virtual_router_id priority advert_int unicast_src_ip unicast_peer
	virtual_ipaddress virtual_ipaddress_excluded virtual_routes virtual_rules track_script track_interface track_process track_file track_bfd
	vrrp_track_process process vrrp_track_file file vrrp_sync_group group authentication auth_type auth_pass
	garp_master_delay garp_master_repeat garp_master_refresh garp_lower_prio_delay vrrp_garp_master_delay vrrp_garp_master_repeat vrrp_garp_master_refresh
	vrrp_strict vrrp_iptables vrrp_skip_check_adv_addr vrrp_mcast_group4 vrrp_mcast_group6 mcast_src_ip native_ipv6 accept no_accept use_vmac dont_track_primary
	notify notify_master notify_backup notify_fault notify_stop smtp_alert notification_email notification_email_from smtp_server smtp_connect_timeout
	vrrp_priority vrrp_rt_priority vrrp_no_swap max_auto_priority process_names dynamic_interfaces allow_if_changes vrrp_startup_delay debug version unicast_ttl`)

// vrrpNumbers are keywords with numbers, and between what they make sense. A
// check that is asked seldom leaves the address on a machine that is ill.
var vrrpNumbers = []struct {
	keyword     string
	least, most float64
}{
	{"vrrp_version", 2, 3}, {"virtual_router_id", 1, 255}, {"priority", 1, 254}, {"advert_int", 0.1, 10},
	{"interval", 1, 10}, {"timeout", 1, 10}, {"fall", 1, 10}, {"rise", 1, 30}, {"weight", -253, 253},
}

// vrrpWords: keepalived can read its configuration, and means what it says.
func (m *machine) vrrpWords(r vrrp) {
	at, depth := 0, 0
	here := func(at int) read.Place { return r.Router.At(at) }
	for line := range strings.Lines(r.Text) {
		before, _, _ := strings.Cut(line, "#")
		before, _, _ = strings.Cut(before, "!")
		words := read.Split(before, at)
		at += len(line)
		if depth += strings.Count(before, "{") - strings.Count(before, "}"); depth < 0 {
			m.find(ruleVirtual, here(words[0].At), "has a } without its {").Remedy = "let every { have its }"
			return
		}
		if len(words) == 0 || words[0].Text == "" || strings.ContainsAny(words[0].Text[:1], "}$@") {
			continue
		}
		keyword := words[0]
		if meant := nearest(keyword.Text, vrrpKeywords); meant != "" && meant != keyword.Text && !slices.Contains(vrrpKeywords, keyword.Text) {
			m.find(ruleMisspelledWord, here(keyword.At), "%s is no keyword of keepalived's", keyword.Text).Remedy = "write " + meant
		}
		for _, row := range vrrpNumbers {
			if row.keyword != keyword.Text || len(words) < 2 {
				continue
			}
			if n, err := strconv.ParseFloat(words[1].Text, 64); err != nil || n < row.least || n > row.most {
				m.find(ruleVirtual, here(words[1].At), "%s is %q, and no number from %g to %g", row.keyword, words[1].Text, row.least, row.most).
					Remedy = "write a number between them"
			}
		}
		if keyword.Text == "state" && len(words) > 1 && words[1].Text != "MASTER" && words[1].Text != "BACKUP" {
			m.find(ruleVirtual, here(words[1].At), "state is %q, and neither MASTER nor BACKUP", words[1].Text).Remedy = "write state BACKUP"
		}
	}
	if depth != 0 {
		m.find(ruleVirtual, read.Whole(read.KeepalivedConf), "has %d { without their }", depth).Remedy = "let every { have its }"
	}
}
