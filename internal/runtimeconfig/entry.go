package runtimeconfig

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Entry is a part of the file that knows the places of what is in it. Aliases and merge
// keys are looked through; what they bring in stands where it is written.
type Entry struct {
	node *yaml.Node // nil: there is nothing
	at   Position   // of its key
}

// At is the place of a key within the entry: "memory", "mounts[1]", "env.NAME". When
// there is no such thing it is that of the nearest thing around it, at last of the entry's
// own key.
func (e Entry) At(key string) Position {
	for key != "" {
		next, rest := e.step(key)
		if next.node == nil {
			break
		}
		e, key = next, rest
	}
	return e.at
}

// Has reports whether there is such a key within the entry.
func (e Entry) Has(key string) bool { return e.child(key).node != nil }

// Keys are those of a map, in the file's order.
func (e Entry) Keys() []string {
	var keys []string
	e.each(func(key, _ *yaml.Node) bool {
		if !slices.Contains(keys, key.Value) {
			keys = append(keys, key.Value)
		}
		return true
	})
	return keys
}

var indexRE = regexp.MustCompile(`^\[(\d+)\]`)

// step goes to the first part of a path, and gives what is left of that.
func (e Entry) step(path string) (next Entry, rest string) {
	if e.node != nil && e.node.Kind == yaml.SequenceNode {
		m := indexRE.FindStringSubmatch(path)
		if m == nil {
			return Entry{}, ""
		}
		i, err := strconv.Atoi(m[1])
		if err != nil || i >= len(e.node.Content) {
			return Entry{}, ""
		}
		item := e.node.Content[i]
		return Entry{node: follow(item), at: position(item)}, strings.TrimPrefix(path[len(m[0]):], ".")
	}
	// Names can have dots in them, so the longest that fits is meant.
	longest := -1
	e.each(func(key, value *yaml.Node) bool {
		left, ok := strings.CutPrefix(path, key.Value)
		if ok && len(key.Value) > longest && (left == "" || left[0] == '.' || left[0] == '[') {
			longest = len(key.Value)
			next, rest = Entry{node: follow(value), at: position(key)}, strings.TrimPrefix(left, ".")
		}
		return true
	})
	return next, rest
}

// child is the value of a key.
func (e Entry) child(name string) Entry {
	var found Entry
	e.each(func(key, value *yaml.Node) bool {
		if key.Value == name {
			found = Entry{node: follow(value), at: position(key)}
		}
		return found.node == nil
	})
	return found
}

// each calls f for the pairs of a map until f is false; those of merged maps come last.
func (e Entry) each(f func(key, value *yaml.Node) bool) {
	eachPair(e.node, f, 0)
}

func eachPair(node *yaml.Node, f func(key, value *yaml.Node) bool, depth int) bool {
	const deepest = 20 // of maps merged into each other; an anchor can hold itself
	if node == nil || node.Kind != yaml.MappingNode || depth > deepest {
		return true
	}
	var merged []*yaml.Node
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if key.Tag == "!!merge" {
			value = follow(value)
			if merged = []*yaml.Node{value}; value.Kind == yaml.SequenceNode {
				merged = value.Content
			}
			continue
		}
		if !f(key, value) {
			return false
		}
	}
	for _, m := range merged {
		if !eachPair(follow(m), f, depth+1) {
			return false
		}
	}
	return true
}

func follow(node *yaml.Node) *yaml.Node {
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	return node
}

func isNull(node *yaml.Node) bool { return node.Kind == yaml.ScalarNode && node.Tag == "!!null" }

func position(node *yaml.Node) Position { return Position{node.Line, node.Column} }

func (f *File) add(at Position, message string) {
	f.Faults = append(f.Faults, Fault{at, message})
}

// addDuplicates finds keys that stand twice in a map, which PromptKit's decoder refuses.
func (f *File) addDuplicates(node *yaml.Node, seen map[*yaml.Node]bool) {
	if seen[node] {
		return
	}
	seen[node] = true
	if node.Kind == yaml.MappingNode {
		first := map[string]int{}
		for i := 0; i+1 < len(node.Content); i += 2 {
			key := node.Content[i]
			if line, twice := first[key.Value]; twice && key.Tag != "!!merge" {
				f.add(position(key), fmt.Sprintf("%s: the key stands here a second time (first in line %d)", key.Value, line))
				continue
			}
			first[key.Value] = key.Line
		}
	}
	for _, child := range node.Content {
		f.addDuplicates(child, seen)
	}
}

// decode reads a value as PromptKit does.
func (f *File) decode(node *yaml.Node, into any) {
	if err := node.Decode(into); err != nil {
		f.addYAML(err, position(node))
	}
}

// lineRE is where yaml's messages say which line they are about.
var lineRE = regexp.MustCompile(`^(?:yaml: )?line (\d+): `)

// addYAML records an error of the YAML library, which tells lines but no columns.
func (f *File) addYAML(err error, otherwise Position) {
	texts := []string{err.Error()}
	if list, ok := err.(*yaml.TypeError); ok {
		texts = list.Errors
	}
	for _, text := range texts {
		at := otherwise
		if m := lineRE.FindStringSubmatch(text); m != nil {
			line, _ := strconv.Atoi(m[1])
			at, text = Position{Line: line}, text[len(m[0]):]
		}
		if strings.Contains(text, "already defined at line") {
			continue // addDuplicates says it with the column
		}
		f.add(at, strings.TrimPrefix(text, "yaml: "))
	}
}
