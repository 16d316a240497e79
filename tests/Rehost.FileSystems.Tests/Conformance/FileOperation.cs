namespace Rehost.FileSystems.Tests.Conformance;

internal enum OperationKind
{
    CreateFile,
    Write,
    WriteLarge,
    WriteFarAway,
    SetLength,
    CreateDirectory,
    RemoveDirectory,
    CreateLink,
    Rename,
    Unlink,
    SetMode,
    SetOwner,
    SetAttribute,
    RemoveAttribute,
    CreateMany,
    UnlinkMany,
    Flush,
}

/// <summary>One random operation. All its choices come from its own seed and from what is in the model when it is applied, so that a list of them can be shortened and still be applied.</summary>
internal readonly record struct FileOperation(OperationKind Kind, int Seed)
{
    private static readonly (OperationKind Kind, int Weight)[] Weights =
    [
        (OperationKind.CreateFile, 20), (OperationKind.Write, 24), (OperationKind.WriteLarge, 4), (OperationKind.WriteFarAway, 2), (OperationKind.SetLength, 10),
        (OperationKind.CreateDirectory, 8), (OperationKind.RemoveDirectory, 4), (OperationKind.CreateLink, 6), (OperationKind.Rename, 12), (OperationKind.Unlink, 10),
        (OperationKind.SetMode, 2), (OperationKind.SetOwner, 2), (OperationKind.SetAttribute, 16), (OperationKind.RemoveAttribute, 4), (OperationKind.CreateMany, 1),
        (OperationKind.UnlinkMany, 1), (OperationKind.Flush, 1),
    ];

    public static FileOperation[] Generate(int seed, int count)
    {
        var random = new Random(seed);
        var total = Weights.Sum(weight => weight.Weight);
        var operations = new FileOperation[count];
        for (var i = 0; i < count; i++)
        {
            var pick = random.Next(total);
            var index = 0;
            while (pick >= Weights[index].Weight)
            {
                pick -= Weights[index++].Weight;
            }

            operations[i] = new FileOperation(Weights[index].Kind, random.Next());
        }

        return operations;
    }
}
