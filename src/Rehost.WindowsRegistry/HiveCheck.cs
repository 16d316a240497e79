using Rehost.Model;

namespace Rehost.WindowsRegistry;

/// <summary>Walks a hive: keys, lists in order and with the right counts and hashes, every cell in use reached once, references to security descriptors counted.</summary>
internal sealed class HiveCheck(Hive hive)
{
    private const int MostFindings = 100;
    private readonly List<Diagnostic> _findings = [];
    private readonly HashSet<int> _reached = [];
    private readonly Dictionary<int, uint> _references = [];

    internal IReadOnlyList<Diagnostic> Run()
    {
        var work = new Stack<(RegistryKey Key, int Parent)>();
        Attempt(() => work.Push((hive.Root, hive.Root.Node.Parent)));
        while (work.TryPop(out var item) && _findings.Count < MostFindings)
        {
            Attempt(() => Visit(item.Key, item.Parent, work));
        }

        Attempt(CheckSecurity);
        if (_findings.Count == 0)
        {
            foreach (var (offset, size, isUsed) in hive.Heap.Cells())
            {
                if (isUsed && !_reached.Contains(offset))
                {
                    Report($"a cell of {size} bytes belongs to nothing", CellHeap.Where(offset));
                }
            }
        }

        return _findings;
    }

    private void Visit(RegistryKey key, int parent, Stack<(RegistryKey Key, int Parent)> work)
    {
        var node = key.Node;
        if (!Reach(node.Offset))
        {
            return;
        }

        if (node.Parent != parent)
        {
            Report($"key {key.Name} names another parent", CellHeap.Where(node.Offset));
        }

        if (node.Class != CellHeap.None && node.ClassLength > 0)
        {
            _ = key.ClassName;
            Reach(node.Class);
        }

        if (node.Security != CellHeap.None)
        {
            _references[node.Security] = _references.GetValueOrDefault(node.Security) + 1;
        }

        foreach (var list in hive.Index.Cells(node))
        {
            Reach(list);
        }

        string? before = null;
        var count = 0;
        foreach (var subkey in key.Subkeys)
        {
            if (before is not null && KeyName.Compare(before, subkey.Name) >= 0)
            {
                Report($"subkeys {before} and {subkey.Name} of {key.Name} are not in order", CellHeap.Where(node.Offset));
            }

            (before, count) = (subkey.Name, count + 1);
            work.Push((subkey, node.Offset));
        }

        if (count != node.SubkeyCount)
        {
            Report($"key {key.Name} is said to have {node.SubkeyCount} subkeys, and has {count}", CellHeap.Where(node.Offset));
        }

        VisitValues(key);
    }

    private void VisitValues(RegistryKey key)
    {
        if (key.Node.ValueCount > 0)
        {
            Reach(key.Node.ValueList);
        }

        foreach (var cell in key.ValueCells())
        {
            Reach(cell);
            foreach (var data in key.DataCells(cell))
            {
                Reach(data);
            }
        }

        foreach (var value in key.Values)
        {
            _ = value.Data.Length;
        }
    }

    private void CheckSecurity()
    {
        if (hive.Root.Node.Security == CellHeap.None)
        {
            return;
        }

        var cell = hive.Root.Node.Security;
        do
        {
            if (!Reach(cell))
            {
                return;
            }

            if (hive.Security.References(cell) != _references.GetValueOrDefault(cell))
            {
                Report($"a security descriptor is said to have {hive.Security.References(cell)} keys, and has {_references.GetValueOrDefault(cell)}", CellHeap.Where(cell));
            }

            hive.Security.Read(cell);
            cell = hive.Security.Next(cell);
        }
        while (cell != hive.Root.Node.Security);
    }

    private bool Reach(int offset)
    {
        if (_reached.Add(offset))
        {
            return true;
        }

        Report("a cell is used twice", CellHeap.Where(offset));
        return false;
    }

    private void Report(string message, string where) => _findings.Add(HiveDiagnostics.Inconsistent.Create(message, where));

    private void Attempt(Action action)
    {
        try
        {
            action();
        }
        catch (DiagnosticException e)
        {
            _findings.Add(e.Diagnostic);
        }
    }
}
