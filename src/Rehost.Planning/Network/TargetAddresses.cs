using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Rehost.Model;

namespace Rehost.Planning.Network;

/// <summary>
/// MAC addresses of the target's adapters. A moved machine keeps those it has; a copy (--clone) and an adapter whose source makes up a new address at each start get one that follows from
/// the machine, the name of the target and the adapter's place: the same plan each time.
/// </summary>
internal sealed class TargetAddresses
{
    private readonly ImmutableArray<NetworkAdapter> _adapters;

    public TargetAddresses(GuestFacts facts, TargetCapabilities target, ConversionOptions options)
    {
        _adapters = facts.Machine.NetworkAdapters;
        All = [.. _adapters.Select((adapter, index) => adapter.MacAddress is { } mac && !options.IsClone ? mac : Make(facts.Machine, target, options, index))];
    }

    /// <summary>One for each adapter, in the machine's order.</summary>
    public ImmutableArray<string> All { get; }

    /// <summary>The target's address of the adapter that has an address on the source; null when no adapter has it.</summary>
    public string? Of(string sourceAddress) => IndexOf(sourceAddress) is >= 0 and var index ? All[index] : null;

    /// <summary>Index of the adapter that has an address on the source; -1 when none has.</summary>
    public int IndexOf(string sourceAddress)
    {
        for (var i = 0; i < _adapters.Length; i++)
        {
            if (string.Equals(_adapters[i].MacAddress, sourceAddress, StringComparison.OrdinalIgnoreCase))
            {
                return i;
            }
        }

        return -1;
    }

    // The three bytes that each hypervisor's own addresses begin with; VMware keeps 00:50:56:00 to 3f for addresses that administrators give.
    private static string Make(VirtualMachine machine, TargetCapabilities target, ConversionOptions options, int index)
    {
        var seed = string.Create(CultureInfo.InvariantCulture, $"mac {machine.Uuid} {machine.Name} {string.Join(' ', machine.Disks.Select(disk => disk.LengthBytes))} {options.Name} {(options.IsClone ? "clone" : "")} {index}");
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(seed));
        return target.Hypervisor switch
        {
            Hypervisor.Xen or Hypervisor.XenServer => string.Create(CultureInfo.InvariantCulture, $"00:16:3e:{hash[0] & 0x7f:x2}:{hash[1]:x2}:{hash[2]:x2}"),
            Hypervisor.Vmware => string.Create(CultureInfo.InvariantCulture, $"00:50:56:{hash[0] & 0x3f:x2}:{hash[1]:x2}:{hash[2]:x2}"),
            _ => string.Create(CultureInfo.InvariantCulture, $"52:54:00:{hash[0]:x2}:{hash[1]:x2}:{hash[2]:x2}"),
        };
    }
}
