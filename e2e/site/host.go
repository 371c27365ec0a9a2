package site

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Host is a machine. What it is, is its root directory; Boot gives it power.
type Host struct {
	Name    string
	Address netip.Addr
	Master  bool
	Bare    bool // its image has none of the binaries that units run
	Static  bool // no DHCP server knows it
	Root    string
	Kept    string // directory in the place of a disk that outlives Root, with etcd's data; "" is none

	words   []string // of the kernel's command line, for cloud-init
	network *Network
	control string // directory for what is known about the host from outside
	nspawn  *exec.Cmd
	gone    chan struct{} // closed when nspawn has ended
	leader  int           // the host's first process, in our numbering
}

// cgroups is where this run's hosts have theirs.
const cgroups = "/sys/fs/cgroup"

// etcdData is where a master's etcd keeps its data.
const etcdData = "/var/lib/etcd"

// On says whether the host has power.
func (h *Host) On() bool { return h.nspawn != nil }

// Boot switches the host on. It gives back as soon as the host has a first
// process, long before it is ready.
func (h *Host) Boot() error {
	if h.On() {
		return fmt.Errorf("%s is on already", h.Name)
	}
	if err := h.network.plug(h); err != nil {
		return err
	}
	group, err := h.cgroup()
	if err != nil {
		return err
	}
	defer group.Close()
	args := []string{
		"--quiet", "--boot", "--directory=" + h.Root,
		"--machine=" + h.Name, "--hostname=unnamed", // its name is its document's business
		"--register=no", "--keep-unit", "--link-journal=no", "--resolv-conf=off", "--timezone=off",
		"--console=pipe", "--capability=CAP_NET_ADMIN", "--network-namespace-path=/run/netns/" + h.Name,
	}
	if h.Kept != "" {
		args = append(args, "--bind="+h.Kept+":"+etcdData)
	}
	if h.Bare {
		loops, err := h.loops()
		if err != nil {
			return err
		}
		args = append(args, loops...)
	}
	// In a container cloud-init takes what its first process was started with for the
	// kernel's command line.
	h.nspawn = exec.Command("systemd-nspawn", append(args, h.words...)...)
	log, err := os.OpenFile(filepath.Join(h.control, "console"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	h.nspawn.Stdout, h.nspawn.Stderr = log, log
	h.nspawn.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(group.Fd())}
	if err := h.nspawn.Start(); err != nil {
		return err
	}
	gone := make(chan struct{})
	h.gone = gone
	go func(cmd *exec.Cmd) { cmd.Wait(); close(gone) }(h.nspawn)
	_, err = Until(20*time.Second, h.findLeader)
	return err
}

// loopDevices is how many a host may use: one an image, of all hosts together.
const loopDevices = 16

// loops gives the host loop devices, which systemd-sysext mounts images with.
// The kernel makes a device when its node is opened; a container's /dev has
// no nodes but those that it is given.
func (h *Host) loops() ([]string, error) {
	dir := filepath.Join(h.control, "loops")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	args := []string{"--bind=/dev/loop-control"}
	for n := range loopDevices {
		node := filepath.Join(dir, fmt.Sprintf("loop%d", n))
		if err := syscall.Mknod(node, syscall.S_IFBLK|0o660, 7<<8|n); err != nil && !errors.Is(err, syscall.EEXIST) {
			return nil, err
		}
		args = append(args, fmt.Sprintf("--bind=%s:/dev/loop%d", node, n))
	}
	return args, nil
}

// cgroup makes an empty control group for the host: a first process wants
// one of its own to make its services' groups in.
func (h *Host) cgroup() (*os.File, error) {
	dir := filepath.Join(cgroups, os.Getenv("E2E_CGROUP"), h.Name)
	removeGroups(dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	return os.Open(dir)
}

// removeGroups removes the groups that a host left behind, the inner first.
func removeGroups(dir string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if e.IsDir() {
			removeGroups(filepath.Join(dir, e.Name()))
		}
	}
	syscall.Rmdir(dir)
}

// pidFile is there while the host has power: e2e/run enter looks for it.
func (h *Host) pidFile() string { return filepath.Join(h.control, "pid") }

// findLeader looks for the child of systemd-nspawn that is process 1 in its
// own namespace.
func (h *Host) findLeader() error {
	out, err := Run("pgrep", "-P", fmt.Sprint(h.nspawn.Process.Pid))
	if err != nil {
		select {
		case <-h.gone:
			console, _ := os.ReadFile(filepath.Join(h.control, "console"))
			return fmt.Errorf("systemd-nspawn ended: %s", console)
		default:
			return err
		}
	}
	pid := strings.Fields(out)[0]
	status, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "NSpid:") && strings.HasSuffix(line, "\t1\n") {
			fmt.Sscan(pid, &h.leader)
			return os.WriteFile(h.pidFile(), []byte(pid), 0o644)
		}
	}
	return errors.New("no first process yet")
}

// PowerOff takes the power away: the cable goes silent, then every process
// dies at once. Only what is on disk stays.
func (h *Host) PowerOff() error {
	if !h.On() {
		return nil
	}
	if err := h.network.silence(h); err != nil {
		return err
	}
	return h.end(h.leader, syscall.SIGKILL)
}

// Shutdown switches the host off politely.
func (h *Host) Shutdown() error {
	if !h.On() {
		return nil
	}
	return h.end(h.nspawn.Process.Pid, syscall.SIGTERM)
}

func (h *Host) end(pid int, how syscall.Signal) error {
	if err := syscall.Kill(pid, how); err != nil {
		return err
	}
	return h.wait()
}

// wait waits until the host is off.
func (h *Host) wait() error {
	select {
	case <-h.gone:
	case <-time.After(2 * time.Minute):
		return fmt.Errorf("%s does not go off", h.Name)
	}
	h.nspawn = nil
	return errors.Join(os.Remove(h.pidFile()), h.network.unplug(h))
}

// Exec runs a command on the host and gives what it printed.
func (h *Host) Exec(command ...string) (string, error) {
	if !h.On() {
		return "", fmt.Errorf("%s is off", h.Name)
	}
	args := []string{"-t", fmt.Sprint(h.leader), "-m", "-u", "-i", "-n", "-p", "-C", "--"}
	out, err := Run("nsenter", append(args, command...)...)
	return strings.TrimSpace(out), err
}

// Crash kills a unit's main process as if it had crashed.
func (h *Host) Crash(unit string) error {
	_, err := h.Exec("systemctl", "kill", "--kill-whom=main", "--signal=KILL", unit)
	return err
}

// Pause stops all of a unit's processes: it hangs, its ports stay open.
func (h *Host) Pause(unit string) error {
	_, err := h.Exec("systemctl", "kill", "--signal=STOP", unit)
	return err
}

// Resume lets a paused unit go on.
func (h *Host) Resume(unit string) error {
	_, err := h.Exec("systemctl", "kill", "--signal=CONT", unit)
	return err
}

// Restart restarts a unit as people do.
func (h *Host) Restart(unit string) error {
	_, err := h.Exec("systemctl", "restart", unit)
	return err
}

// Property asks systemd for one property of a unit, or with no unit for one
// of its own.
func (h *Host) Property(unit, name string) (string, error) {
	command := []string{"systemctl", "show", "--value", "--property=" + name}
	if unit != "" {
		command = append(command, unit)
	}
	return h.Exec(command...)
}

// Journal gives the host's journal, on or off, of all its boots.
func (h *Host) Journal(args ...string) (string, error) {
	return Run("journalctl", append([]string{"--quiet", "--no-pager", "--directory=" + filepath.Join(h.Root, "var/log/journal")}, args...)...)
}
