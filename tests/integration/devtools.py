"""A .heapsnapshot as DevTools reads it: names of classes, and dominators with retained sizes
(HeapSnapshot.ts: className, computeIsEssentialEdge, markPageOwnedNodes)."""
import array
import json
import re

EPHEMERON = re.compile(r"^\d+ / part of key \(.*? @\d+\) -> value \(.*? @\d+\) pair in WeakMap \(table @(\d+)\)$", re.S)
CLASSES = {"hidden": "(system)", "code": "(compiled code)", "closure": "Function", "regexp": "RegExp"}


class Snapshot:
    """nodes by ordinal, the root 0: kind, name, size, id as lists; edges by node: edges(ordinal)."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as f:
            doc = json.load(f)
        meta = doc["snapshot"]["meta"]
        fields, kinds = meta["node_fields"], meta["node_types"][0]
        self.strings, nodes, width = doc["strings"], doc["nodes"], len(fields)
        self.n = len(nodes) // width
        column = {f: nodes[i::width] for i, f in enumerate(fields)}
        self.kind = [kinds[k] for k in column["type"]]
        self.name = [self.strings[s] for s in column["name"]]
        self.size, self.id = column["self_size"], column["id"]
        self.detached = column.get("detachedness", [0] * self.n)  # Node 12 does not tell
        self.edge_kinds = meta["edge_types"][0]
        edges = doc["edges"]
        self.edge_kind, self.edge_name = edges[0::3], edges[1::3]
        self.edge_to = [to // width for to in edges[2::3]]
        self.first = [0]
        for n in column["edge_count"]:
            self.first.append(self.first[-1] + n)

    def leave_out_program_file(self, version):
        """The sources of Node's own modules are strings in its program file, no memory of the heap; from version
        11 on V8 adds them to the sizes of the strings."""
        source = self.strings.index("source")
        for node in range(self.n):
            if version >= 20 and self.kind[node] == "code" and self.name[node].startswith("node:"):
                for e in range(self.first[node], self.first[node + 1]):
                    if self.edge_name[e] == source and self.kind[self.edge_to[e]] == "string":
                        self.size[self.edge_to[e]] = 32

    def user_root(self):
        return next(self.edge_to[e] for e in range(self.first[1])
                    if self.edge_kinds[self.edge_kind[e]] == "shortcut")

    def class_name(self, node):
        kind = self.kind[node]
        return CLASSES.get(kind, self.name[node] if kind in ("object", "native") else f"({kind})")

    def retaining(self):
        """Edges that count for dominators: for each node where they lead."""
        kind = {name: i for i, name in enumerate(self.edge_kinds)}
        weak, shortcut, internal = kind["weak"], kind["shortcut"], kind["internal"]
        owned = bytearray(self.n)
        visit = [self.edge_to[e] for e in range(self.first[1]) if self.edge_kind[e] == shortcut]
        while visit:
            node = visit.pop()
            if not owned[node]:
                owned[node] = 1
                visit.extend(self.edge_to[e] for e in range(self.first[node], self.first[node + 1])
                             if self.edge_kind[e] != weak)
        self.owned = owned
        tables = {}
        for i, s in enumerate(self.strings):
            m = "part of key" in s and EPHEMERON.match(s)
            if m:
                tables[i] = int(m.group(1))
        leads = []
        for node in range(self.n):
            to = []
            for e in range(self.first[node], self.first[node + 1]):
                k, child = self.edge_kind[e], self.edge_to[e]
                if k == weak or child == node:
                    continue
                if k == internal and tables.get(self.edge_name[e]) == self.id[node]:
                    continue
                if node and (k == shortcut or (owned[child] and not owned[node])):
                    continue
                to.append(child)
            leads.append(to)
        return leads

    def distances(self):
        """By node, None: not reached. The objects that the root has shortcuts to are 1 away, the root 10^8
        (calculateDistances). Of the two edges to a WeakMap's value the one met last counts."""
        kind = {name: i for i, name in enumerate(self.edge_kinds)}
        skip = {self.strings.index(s): name for s, name in (("sloppy_function_map", "system / NativeContext"),)
                if s in self.strings}
        away, met = [None] * self.n, set()

        def spread(level):
            while level:
                following = []
                for node in level:
                    descriptors = self.kind[node] == "array" and self.name[node] == "(map descriptors)"
                    for e in range(self.first[node], self.first[node + 1]):
                        child, k = self.edge_to[e], self.edge_kind[e]
                        if k == kind["weak"] or away[child] is not None:
                            continue
                        if self.kind[node] == "hidden" and skip.get(self.edge_name[e]) == self.name[node] and \
                                k == kind["internal"]:
                            continue
                        if descriptors and self.edge_name[e] >= 2 and self.edge_name[e] % 3 == 1:
                            continue
                        if k == kind["internal"]:
                            s = self.strings[self.edge_name[e]]
                            if " / part of key" in s and EPHEMERON.match(s) and (pair := s.partition(" ")[2]) not in met:
                                met.add(pair)
                                continue
                        away[child] = away[node] + 1
                        following.append(child)
                level = following
        users = [self.edge_to[e] for e in range(self.first[1]) if self.kind[self.edge_to[e]] != "synthetic"]
        for node in users:
            away[node] = 1
        spread(users)
        away[0] = 100000000
        spread([0])
        return away

    def retained(self):
        """Retained sizes by node, by Cooper, Harvey and Kennedy's "A Simple, Fast Dominance Algorithm"."""
        leads = self.retaining()
        order, seen, stack = [], bytearray(self.n), [(0, iter(leads[0]))]
        seen[0] = 1
        while stack:
            node, rest = stack[-1]
            for child in rest:
                if not seen[child]:
                    seen[child] = 1
                    stack.append((child, iter(leads[child])))
                    break
            else:
                order.append(node)
                stack.pop()
        post = array.array("i", [-1]) * self.n
        for i, node in enumerate(order):
            post[node] = i
        back = [[] for _ in order]
        for node in order:
            for child in leads[node]:
                back[post[child]].append(post[node])
        top = len(order) - 1
        idom = array.array("i", [-1]) * len(order)
        idom[top] = top
        changed = True
        while changed:
            changed = False
            for v in range(top - 1, -1, -1):
                new = -1
                for p in back[v]:
                    if idom[p] < 0:
                        continue
                    if new < 0:
                        new = p
                        continue
                    while p != new:
                        while p < new:
                            p = idom[p]
                        while new < p:
                            new = idom[new]
                if idom[v] != new:
                    idom[v] = new
                    changed = True
        sums = [self.size[node] for node in order]
        for v in range(top):
            sums[idom[v]] += sums[v]
        self.dominator = {node: order[idom[v]] for v, node in enumerate(order)}
        result = [0] * self.n
        for v, node in enumerate(order):
            result[node] = sums[v]
        return result
