namespace Rehost.Model;

/// <summary>A change to a hive of the guest's registry.</summary>
public abstract record RegistryChange : Change
{
    /// <summary>Guest path of the hive.</summary>
    public required string HivePath { get; init; }

    /// <summary>The key below the hive's root: ControlSet001\Services\viostor.</summary>
    public required string Key { get; init; }

    /// <summary>The key as people name it: SYSTEM\ControlSet001\Services\viostor.</summary>
    protected string KeyName => $@"{HivePath[(HivePath.LastIndexOf('/') + 1)..].ToUpperInvariant()}\{Key}";

    /// <inheritdoc/>
    public override string Subject => KeyName;
}

/// <summary>Sets a registry value; keys on the way are made.</summary>
public sealed record SetRegistryValue : RegistryChange
{
    /// <summary>Name; empty for the key's default value.</summary>
    public required string Name { get; init; }

    /// <summary>What was seen; null when there was no such value.</summary>
    public RegistryData? Before { get; init; }

    /// <summary>The new value.</summary>
    public required RegistryData After { get; init; }

    /// <inheritdoc/>
    public override string Subject => $@"{KeyName}\{(Name.Length == 0 ? "(default)" : Name)}";
}

/// <summary>Removes a registry value.</summary>
public sealed record RemoveRegistryValue : RegistryChange
{
    /// <summary>Name.</summary>
    public required string Name { get; init; }

    /// <summary>What was seen.</summary>
    public required RegistryData Before { get; init; }

    /// <inheritdoc/>
    public override string Subject => $@"{KeyName}\{(Name.Length == 0 ? "(default)" : Name)}";
}

/// <summary>Removes a registry key with all below it.</summary>
public sealed record RemoveRegistryKey : RegistryChange
{
    /// <summary>SHA-256 over the key with all below it as they were seen; null where the plan itself made or changed something below it.</summary>
    public string? BeforeSha256 { get; init; }
}

/// <summary>Makes a registry key that holds nothing; one that is there stays.</summary>
public sealed record CreateRegistryKey : RegistryChange;

/// <summary>Makes a device element of a boot configuration store name a partition that is there.</summary>
public sealed record RedirectBootDevice : Change
{
    /// <summary>Guest path of the store.</summary>
    public required string StorePath { get; init; }

    /// <summary>Id of the object, with braces.</summary>
    public required string ObjectId { get; init; }

    /// <summary>Type of the element.</summary>
    public required uint ElementType { get; init; }

    /// <summary>What was seen, in words.</summary>
    public required string Before { get; init; }

    /// <summary>Disk: MBR signature as 8 hex digits, or GPT disk id.</summary>
    public required string DiskTableId { get; init; }

    /// <summary>Partition: first byte (MBR) or partition id (GPT).</summary>
    public required string PartitionId { get; init; }

    /// <inheritdoc/>
    public override string Subject => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{StorePath} {ObjectId} {ElementType:x8}");
}

/// <summary>Makes an existing entry the default one of a boot configuration store.</summary>
public sealed record SetDefaultBootEntry : Change
{
    /// <summary>Guest path of the store.</summary>
    public required string StorePath { get; init; }

    /// <summary>What was seen; null when there was none.</summary>
    public string? Before { get; init; }

    /// <summary>Id of the entry, with braces.</summary>
    public required string EntryId { get; init; }

    /// <inheritdoc/>
    public override string Subject => StorePath;
}
