package diff

import "hagen/out/review/facts"

// members are those that etcd has before anything is done.
func members(pairs []machines) (all []facts.Member) {
	for _, p := range pairs {
		if m, is := facts.MemberOf(p.before); is {
			all = append(all, m)
		}
	}
	return all
}

func membersAfter(pairs []machines) (all []facts.Member) {
	for _, p := range pairs {
		if m, is := facts.MemberOf(p.after); is {
			all = append(all, m)
		}
	}
	return all
}
