// Package runtimeconfig reads a PromptKit RuntimeConfig for tools that have to say where
// in the file something stands: sandboxes, and all that runs a command. Values are those
// that PromptKit itself reads; each comes with its line and column.
//
// # Errors
//
// Read fails when there is no file to read. What is wrong within the file, down to
// its syntax, is in [File.Faults], so that the rest can be looked at as well.
package runtimeconfig

import (
	"fmt"
	"os"

	"github.com/AltairaLabs/PromptKit/runtime/hooks/execconfig"
	"gopkg.in/yaml.v3"
)

// The values of the first two lines of a RuntimeConfig.
const (
	APIVersion = "promptkit.altairalabs.ai/v1alpha1"
	Kind       = "RuntimeConfig"
)

// The sections of spec whose entries run a command.
const (
	Hooks     = "hooks"
	Selectors = "selectors"
	Evals     = "evals"
	Tools     = "tools"
)

// File is a RuntimeConfig, as far as it could be read.
type File struct {
	Name      string // as it was given
	Sandboxes []Sandbox
	Bindings  []Binding // of all sections, in the order of Hooks, Selectors, Evals, Tools
	Faults    []Fault   // for each of which PromptKit refuses the file
	Unseen    []Fault   // what PromptKit takes no notice of
}

// Sandbox is an entry of spec.sandboxes.
type Sandbox struct {
	Name string
	// SandboxConfig is what PromptKit hands to a factory. Null is an entry without any
	// value, which PromptKit leaves out.
	execconfig.SandboxConfig
	Null bool
	Entry
}

// Binding is an entry that runs a command: a hook, a selector, an exec eval or an exec
// tool.
type Binding struct {
	Section, Name string
	// ExecHook is the entry; only a hook has all of its fields.
	execconfig.ExecHook
	Entry
}

// Fault is what is wrong at a place.
type Fault struct {
	Position
	Message string
}

// Position is a place in a file; both count from 1. Column 0 is a whole line.
type Position struct{ Line, Column int }

// Read reads a file.
func Read(name string) (*File, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return Parse(name, data), nil
}

// Parse reads a file's content. name is what the File is called.
func Parse(name string, data []byte) *File {
	f := &File{Name: name}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		f.addYAML(err, Position{Line: 1})
		return f
	}
	if len(doc.Content) == 0 {
		f.add(Position{Line: 1}, "the file is empty")
		return f
	}
	root := Entry{node: doc.Content[0], at: position(doc.Content[0])}
	f.addDuplicates(root.node, map[*yaml.Node]bool{})
	if root.node.Kind != yaml.MappingNode {
		f.add(root.at, "this is no map, and so no "+Kind)
		return f
	}
	f.header(root, "apiVersion", APIVersion)
	f.header(root, "kind", Kind)
	spec := root.child("spec")
	for _, e := range f.section(spec, "sandboxes") {
		sb := Sandbox{Name: e.name, Entry: e.Entry, Null: isNull(e.node)}
		if !sb.Null {
			f.decode(e.node, &sb.SandboxConfig)
		}
		f.Sandboxes = append(f.Sandboxes, sb)
	}
	for _, section := range []string{Hooks, Selectors, Evals, Tools} {
		for _, e := range f.section(spec, section) {
			if section == Tools { // most tools run no command
				f.tool(e)
				if e.Entry = e.child("exec"); e.node == nil {
					continue
				}
			}
			b := Binding{Section: section, Name: e.name, Entry: e.Entry}
			f.decode(e.node, &b.ExecHook)
			f.Bindings = append(f.Bindings, b)
		}
	}
	return f
}

// Sandbox finds a sandbox by name; nil if there is none, or only a null.
func (f *File) Sandbox(name string) *Sandbox {
	for i := range f.Sandboxes {
		if sb := &f.Sandboxes[i]; sb.Name == name && !sb.Null {
			return sb
		}
	}
	return nil
}

// Names are those of the sandboxes, in the file's order.
func (f *File) Names() []string {
	var names []string
	for i := range f.Sandboxes {
		if !f.Sandboxes[i].Null {
			names = append(names, f.Sandboxes[i].Name)
		}
	}
	return names
}

// Err is the first fault of the file as an error, or nil.
func (f *File) Err() error {
	if len(f.Faults) == 0 {
		return nil
	}
	first := f.Faults[0]
	return fmt.Errorf("%s: %s", first.In(f.Name), first.Message)
}

// In gives the place as compilers do: file:line:column.
func (p Position) In(file string) string {
	if p.Column == 0 {
		return fmt.Sprintf("%s:%d", file, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", file, p.Line, p.Column)
}

func (f *File) header(root Entry, key, want string) {
	value := root.child(key)
	var got string
	if value.node != nil {
		got = value.node.Value
	}
	if got != want {
		f.add(root.At(key), fmt.Sprintf("%s: got %q; it takes %s", key, got, want))
	}
}

type named struct {
	name string
	Entry
}

// tool finds a command that stands where PromptKit does not look for it.
func (f *File) tool(e named) {
	if e.Has("command") && !e.Has("exec") {
		f.Unseen = append(f.Unseen, Fault{e.At("command"), fmt.Sprintf("tool %q: its command, args and env belong below exec: PromptKit does not see them here", e.name)})
	}
}

// section gives the entries of a part of spec, in the file's order.
func (f *File) section(spec Entry, name string) []named {
	part := spec.child(name)
	switch {
	case part.node == nil || isNull(part.node):
		return nil
	case part.node.Kind != yaml.MappingNode:
		f.add(part.at, fmt.Sprintf("spec.%s: it takes a map of names", name))
		return nil
	}
	var out []named
	for _, key := range part.Keys() {
		out = append(out, named{key, part.child(key)})
	}
	return out
}
