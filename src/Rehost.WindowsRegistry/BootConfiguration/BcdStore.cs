namespace Rehost.WindowsRegistry.BootConfiguration;

/// <summary>A boot configuration store: a hive with objects, each with elements.</summary>
public sealed class BcdStore
{
    private const string Objects = "Objects";
    private readonly RegistryKey _objects;

    private BcdStore(Hive hive, RegistryKey objects) => (Hive, _objects) = (hive, objects);

    /// <summary>The hive, which is written when the store was changed.</summary>
    public Hive Hive { get; }

    /// <summary>All objects, in order of their ids as text.</summary>
    public IEnumerable<BcdObject> All
    {
        get
        {
            foreach (var key in _objects.Subkeys)
            {
                if (Guid.TryParseExact(key.Name, "b", out var id))
                {
                    yield return new BcdObject(id, key);
                }
            }
        }
    }

    /// <summary>The boot manager; null when the store has none.</summary>
    public BcdObject? BootManager => Find(BcdNames.BootManager);

    /// <summary>The entry that is booted by default; null when none is said, or it is not there.</summary>
    public BcdObject? Default => BootManager?.Find(BcdNames.DefaultEntry) is { } element ? Find(element.AsId()) : null;

    /// <summary>The loaders of Windows, those of the menu first and in its order.</summary>
    public IReadOnlyList<BcdObject> Loaders
    {
        get
        {
            var order = BootManager?.Find(BcdNames.DisplayOrder)?.AsIds().ToList() ?? [];
            return [.. All.Where(entry => entry.Type == BcdNames.WindowsLoader).OrderBy(entry => order.IndexOf(entry.Id) is var index and >= 0 ? index : int.MaxValue)];
        }
    }

    /// <summary>Seconds that the menu is shown; null when it is not said.</summary>
    public ulong? Timeout => BootManager?.Find(BcdNames.Timeout)?.AsNumber();

    /// <summary>Reads a store.</summary>
    /// <exception cref="Model.DiagnosticException">The hive holds no store (REG011).</exception>
    public static BcdStore Open(Hive hive)
    {
        ArgumentNullException.ThrowIfNull(hive);
        return new BcdStore(hive, hive.Root.Find(Objects) ?? throw HiveDiagnostics.BadBootStore.ToException("the hive has no key Objects"));
    }

    /// <summary>An empty store.</summary>
    public static BcdStore Create(byte[] securityDescriptor, DateTimeOffset timestamp)
    {
        const int version = 3; // what bcdedit makes
        var hive = Hive.Create("NewStoreRoot", securityDescriptor, timestamp, version);
        var description = hive.Root.Create("Description");
        description.Set(RegistryValue.OfText("KeyName", "BCD00000000"));
        description.Set(RegistryValue.OfNumber("System", 1));
        description.Set(RegistryValue.OfNumber("TreatAsSystem", 1));
        return new BcdStore(hive, hive.Root.Create(Objects));
    }

    /// <summary>An object by its id; null when there is none.</summary>
    public BcdObject? Find(Guid id) => _objects.Find(id.ToString("b")) is { } key ? new BcdObject(id, key) : null;

    /// <summary>Makes an object.</summary>
    /// <exception cref="Model.DiagnosticException">There is one of that id (REG007).</exception>
    public BcdObject Add(Guid id, uint type)
    {
        var name = id.ToString("b");
        if (_objects.Find(name) is not null)
        {
            throw HiveDiagnostics.Unsuitable.ToException("the store has an object of that id", name);
        }

        _objects.Create(name + "\\Elements");
        _objects.Create(name + "\\Description").Set(RegistryValue.OfNumber("Type", type));
        return new BcdObject(id, _objects.Demand(name));
    }

    /// <summary>Removes an object.</summary>
    public void Remove(Guid id) => _objects.Remove(id.ToString("b"));

    /// <summary>Every device element that names a partition, with its object.</summary>
    public IEnumerable<(BcdObject Object, BcdElement Element, BcdPartition Partition)> Partitions
        => from entry in All
           from element in entry.Elements
           where element.Format == BcdElementFormat.Device
           let partition = element.AsDevice().Partition
           where partition is not null
           select (entry, element, partition);

    /// <summary>Makes every device element that names a partition name another one, where the function gives one; returns how many.</summary>
    public int Redirect(Func<BcdPartition, BcdPartition?> map)
    {
        ArgumentNullException.ThrowIfNull(map);
        var count = 0;
        foreach (var (entry, element, partition) in Partitions.ToArray())
        {
            if (map(partition) is { } other && other != partition)
            {
                entry.Set(BcdElement.OfDevice(element.Type, element.AsDevice().With(other)));
                count++;
            }
        }

        return count;
    }
}
