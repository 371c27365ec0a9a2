package plan

import (
	"slices"

	"hagen/out/review/diff"
	"hagen/out/review/order"
	"hagen/profiles"
)

// newInstances says what the other instance-id means for machines of cloud-init that take
// changes in place. cloud-init runs its modules again for another instance-id
// (users_groups, ssh, write_files and scripts_user run per instance, bootcmd at each boot),
// and ssh removes the host keys first (ssh_deletekeys).
func (p planner) newInstances() []order.Caution {
	var hosts []string
	for _, pair := range p.plan.Pairs {
		inPlace := pair.Stays() && len(pair.Changes) > 0 && !pair.Does(diff.Reimage, "")
		if inPlace && !p.options.Reimage && p.after.Systems[pair.Name].Family == profiles.CloudInit {
			hosts = append(hosts, pair.Name)
		}
	}
	if len(hosts) == 0 {
		return nil
	}
	slices.Sort(hosts)
	return []order.Caution{{Hosts: hosts, Text: "their user-data changes, and with it the instance-id in meta-data. Until the machine is given the new files, cloud-init does nothing with them. A reboot with both is the first boot of a new instance to it: it writes all files, makes missing accounts, runs the commands, restarts all units at once, and makes new SSH host keys. So give them to one machine at a time, after its last step here, and reboot it while all others are healthy. A cloud with its own instance-id applies a document once"}}
}
