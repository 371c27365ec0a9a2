package check

import (
	"slices"
	"strconv"
	"strings"
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
	here := func(at int) place { return place{keepalivedConfig, r.text, at} }
	for line := range strings.Lines(r.text) {
		before, _, _ := strings.Cut(line, "#")
		before, _, _ = strings.Cut(before, "!")
		words := split(before, at)
		at += len(line)
		if depth += strings.Count(before, "{") - strings.Count(before, "}"); depth < 0 {
			m.find(ruleVirtual, here(words[0].at), "has a } without its {").Remedy = "let every { have its }"
			return
		}
		if len(words) == 0 || words[0].text == "" || strings.ContainsAny(words[0].text[:1], "}$@") {
			continue
		}
		keyword := words[0]
		if meant := nearest(keyword.text, vrrpKeywords); meant != "" && meant != keyword.text && !slices.Contains(vrrpKeywords, keyword.text) {
			m.find(ruleMisspelledWord, here(keyword.at), "%s is no keyword of keepalived's", keyword.text).Remedy = "write " + meant
		}
		for _, row := range vrrpNumbers {
			if row.keyword != keyword.text || len(words) < 2 {
				continue
			}
			if n, err := strconv.ParseFloat(words[1].text, 64); err != nil || n < row.least || n > row.most {
				m.find(ruleVirtual, here(words[1].at), "%s is %q, and no number from %g to %g", row.keyword, words[1].text, row.least, row.most).
					Remedy = "write a number between them"
			}
		}
		if keyword.text == "state" && len(words) > 1 && words[1].text != "MASTER" && words[1].text != "BACKUP" {
			m.find(ruleVirtual, here(words[1].at), "state is %q, and neither MASTER nor BACKUP", words[1].text).Remedy = "write state BACKUP"
		}
	}
	if depth != 0 {
		m.find(ruleVirtual, whole(keepalivedConfig), "has %d { without their }", depth).Remedy = "let every { have its }"
	}
}
