//go:build linux

package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// network is what would reach another machine, or the host. The addresses are the one
// that clouds have their metadata at, and ones that RFC 5737 and RFC 3849 keep for
// documents: nobody is there to be bothered.
func network() []attempt {
	return []attempt{
		connect("connect to the metadata service", "tcp", func(target) []string { return []string{"169.254.169.254:80"} }),
		connect("connect to the internet", "tcp", func(target) []string { return []string{"192.0.2.1:443"} }),
		connect("connect to the internet over IPv6", "tcp", func(target) []string { return []string{"[2001:db8::1]:443"} }),
		connect("send a datagram to the internet", "udp", func(target) []string { return []string{"192.0.2.1:53"} }),
		connect("connect to the host", "tcp", func(t target) []string { return t.HostAddrs }),
		connect("connect to the host's loopback", "tcp", func(t target) []string { return []string{t.Loopback} }),
		connect("connect to the host's abstract socket", "unix", func(t target) []string { return []string{"@" + t.Abstract} }),
		{"see a network interface", interfaces},
		opens("open a raw socket", unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP),
		opens("open a packet socket", unix.AF_PACKET, unix.SOCK_RAW, 0),
		opens("open a vsock to the hypervisor", unix.AF_VSOCK, unix.SOCK_STREAM, 0), // opened only, as somebody may be there
		opens("open a socket of the kernel's crypto", unix.AF_ALG, unix.SOCK_SEQPACKET, 0),
		call("take the loopback down", loopbackDown),
		call("make a network interface", newInterface),
	}
}

// connect is an attempt that succeeds where one of the addresses answers.
func connect(name, network string, addrs func(target) []string) attempt {
	return attempt{name, func(t target) (string, string) {
		outcomes := map[string]bool{}
		for _, addr := range addrs(t) {
			conn, err := net.DialTimeout(network, addr, 5*time.Second)
			if err == nil {
				_, err = conn.Write([]byte("hostile"))
				_ = conn.Close()
			}
			outcome, _ := told(err)
			if outcome == "ok" {
				return outcome, addr
			}
			outcomes[outcome] = true
		}
		return joined(outcomes), strings.Join(addrs(t), " ")
	}}
}

func interfaces(target) (string, string) {
	nics, err := net.Interfaces()
	if err != nil {
		return told(err)
	}
	names := map[string]bool{}
	for _, nic := range nics {
		if nic.Flags&net.FlagUp != 0 { // a kernel's tunl0 and the like are in every namespace
			names[nic.Name] = true
		}
	}
	return joined(names), fmt.Sprint(nics)
}

func opens(name string, family, kind, protocol int) attempt {
	return call(name, func() error {
		fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, protocol)
		if err == nil {
			_ = unix.Close(fd)
		}
		return err
	})
}

func loopbackDown() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(0)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request)
}

// newInterface asks over netlink for an interface of type dummy.
func newInterface() error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	le := binary.LittleEndian
	info := []byte("dummy\x00\x00\x00") // padded to four
	msg := make([]byte, unix.SizeofNlMsghdr+unix.SizeofIfInfomsg)
	msg = le.AppendUint16(msg, uint16(8+4+6)) // IFLA_LINKINFO with one nested attribute
	msg = le.AppendUint16(msg, unix.IFLA_LINKINFO|unix.NLA_F_NESTED)
	msg = le.AppendUint16(msg, 4+6)
	msg = le.AppendUint16(msg, unix.IFLA_INFO_KIND)
	msg = append(msg, info...)
	le.PutUint32(msg[0:], uint32(len(msg)))
	le.PutUint16(msg[4:], unix.RTM_NEWLINK)
	le.PutUint16(msg[6:], unix.NLM_F_REQUEST|unix.NLM_F_ACK|unix.NLM_F_CREATE|unix.NLM_F_EXCL)
	if err := unix.Sendto(fd, msg, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, answer, 0)
	if err != nil {
		return err
	}
	if n < unix.SizeofNlMsghdr+4 || le.Uint16(answer[4:]) != unix.NLMSG_ERROR {
		return fmt.Errorf("an answer of %d bytes", n)
	}
	if errno := -int32(le.Uint32(answer[unix.SizeofNlMsghdr:])); errno != 0 {
		return unix.Errno(errno)
	}
	return nil
}
