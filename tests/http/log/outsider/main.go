// Reads a log as somebody else's software would: golang.org/x/mod/sumdb opens the note, reads the tiles, and proves
// and checks every record. Only the mapping of its tiles to C2SP tlog-tiles addresses is written here.
//
//	outsider URL VKEY [OLD-CHECKPOINT-FILE]
package main

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Println("REFUSED:", err)
		os.Exit(1)
	}
	return value
}

func get(url string) ([]byte, error) {
	answer, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != 200 {
		return nil, fmt.Errorf("%s: %s", url, answer.Status)
	}
	return io.ReadAll(answer.Body)
}

func number(n int64) string {
	text := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		text = fmt.Sprintf("x%03d/%s", n%1000, text)
	}
	return text
}

type reader struct{ url string }

func (r reader) Height() int                     { return 8 }
func (r reader) SaveTiles([]tlog.Tile, [][]byte) {}
func (r reader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range tiles {
		name := fmt.Sprintf("%s/tile/%d/%s", r.url, tile.L, number(tile.N))
		if tile.W != 256 {
			name += fmt.Sprintf(".p/%d", tile.W)
		}
		data, err := get(name)
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

func open(text []byte, verifiers note.Verifiers) tlog.Tree {
	opened := must(note.Open(text, verifiers))
	lines := strings.Split(opened.Text, "\n")
	var hash tlog.Hash
	copy(hash[:], must(base64.StdEncoding.DecodeString(lines[2])))
	return tlog.Tree{N: must(strconv.ParseInt(lines[1], 10, 64)), Hash: hash}
}

func main() {
	url := os.Args[1]
	verifiers := note.VerifierList(must(note.NewVerifier(os.Args[2])))
	tree := open(must(get(url+"/checkpoint")), verifiers)
	hashes := tlog.TileHashReader(tree, reader{url})
	for first := int64(0); first < tree.N; first += 256 {
		name := fmt.Sprintf("%s/tile/entries/%s", url, number(first/256))
		if tree.N-first < 256 {
			name += fmt.Sprintf(".p/%d", tree.N-first)
		}
		data := must(get(name))
		for n := first; len(data) > 0; n++ {
			length := binary.BigEndian.Uint16(data)
			leaf := data[2 : 2+length]
			data = data[2+length:]
			proof := must(tlog.ProveRecord(tree.N, n, hashes))
			must(0, tlog.CheckRecord(proof, tree.N, tree.Hash, n, tlog.RecordHash(leaf)))
		}
	}
	if len(os.Args) > 3 {
		old := open(must(os.ReadFile(os.Args[3])), verifiers)
		proof := must(tlog.ProveTree(tree.N, old.N, hashes))
		must(0, tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash))
	}
	fmt.Println("ACCEPTED", tree.N)
}
